"""Small things that have no better room."""


def parameter_groups(network, weight_decay):
    """Return the optimiser's two groups: batch-norm parameters and biases, without decay, and the other weights.

    A name that ends in .gamma, .beta or .bias has no decay, as in the 2021 version.
    """
    plain, decayed = [], []
    for parameter in network.trainable_params():
        (plain if parameter.name.endswith((".gamma", ".beta", ".bias")) else decayed).append(parameter)
    return [{"params": plain, "weight_decay": 0.0}, {"params": decayed, "weight_decay": weight_decay}]
