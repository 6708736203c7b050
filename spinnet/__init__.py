"""spinnet: the statistical mechanics of energy landscapes, from spin glasses to trained networks.

The sub-packages are imported where they are used, so that ``import spinnet`` costs nothing:

- :mod:`spinnet.landscapes`: glasses and networks behind one interface,
- :mod:`spinnet.dynamics`, :mod:`spinnet.probes`: what moves on a landscape, and what is measured,
- :mod:`spinnet.theory`: the exact results that simulations are compared with,
- :mod:`spinnet.campaign`: studies written as TOML files, run in parallel, resumed and collected.
"""

from spinnet._version import __version__

__all__ = ["__version__"]
