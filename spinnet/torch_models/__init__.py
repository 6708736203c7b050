"""A person's own PyTorch model, measured from the shell: trained from several seeds, probed, laid beside its nulls.

``spinnet probe torch FILE.py:FUNCTION`` ends here. :func:`~spinnet.torch_models.model_file.load_model` runs the file,
:class:`~spinnet.torch_models.measurement.Measurement` does the work in parts that survive an interruption, and
:mod:`~spinnet.torch_models.report` says what was found.
"""
