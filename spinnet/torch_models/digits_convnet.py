"""A small convolutional network on handwritten digits: copy this file and make it yours.

    spinnet probe torch digits_convnet.py:make -o net.h5

The command trains the model from five seeds, measures its loss surface beside the null models, and draws a figure.
"""

from spinnet.datasets import load


def make():
    """Return the model, its loss and its data. Nothing else is needed."""
    from torch import nn, tensor

    # Any torch.nn.Module. It is called as module(inputs). Do not set a seed here: every call is a new start.
    module = nn.Sequential(
        nn.Conv2d(1, 4, kernel_size=3, padding=1),  # 8 x 8 pixels, 4 channels
        nn.Tanh(),
        nn.AvgPool2d(2),  # 4 x 4
        nn.Conv2d(4, 6, kernel_size=3, padding=1),
        nn.Tanh(),
        nn.AvgPool2d(2),  # 2 x 2
        nn.Flatten(),
        nn.Linear(24, 10),
    )

    # A loss of (outputs, targets), one number: the mean or the sum over patterns.
    loss = nn.CrossEntropyLoss()

    # Inputs and targets: tensors, a torch Dataset, or a DataLoader that does not shuffle. The digits come with spinnet.
    digits = load("digits", n_train=400, n_test=400)
    data = tensor(digits.inputs).view(-1, 1, 8, 8), tensor(digits.labels)
    test_data = tensor(digits.test_inputs).view(-1, 1, 8, 8), tensor(digits.test_labels)

    # The shortest form is: return module, loss, data
    # A dict may say more; everything after "data" may be left out.
    return {
        "module": module,
        "loss": loss,
        "data": data,
        "test_data": test_data,
        "weight_decay": 0.0,
        "learning_rate": 0.3,  # how the seeds are trained: stochastic gradient descent
        "batch": 32,
        "steps": 4000,
        "seeds": 5,
    }
