"""What ``handpose tagan`` can do beside training."""
