"""What all methods are trained and tested with: the LightningModule, recoveries, schedules, baselines, the CLI."""
