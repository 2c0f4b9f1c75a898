//! Blue-green rollouts on Kubernetes.
