"""The suite's own estimator: one crop in, joints, mesh and side out, without camera or depth; `handpose onehand`."""
