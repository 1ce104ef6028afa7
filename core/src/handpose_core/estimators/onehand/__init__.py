"""The suite's own estimator: joints, mesh, handedness and presence from one RGB crop; `handpose onehand`."""
