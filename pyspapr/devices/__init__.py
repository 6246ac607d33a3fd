"""Device models. Each device keeps its state in plain attributes and lists what the guest can observe in `state()`."""
