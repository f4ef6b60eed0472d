"""What every test starts from: no front end, one thread, no progress bars, no windows."""

import os

for name, value in {
    "GANLAB_INTERACTIVE": "0",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TQDM_DISABLE": "1",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}.items():
    os.environ[name] = value  # before torch reads them; kernels of nbval and papermill inherit them

import matplotlib  # noqa: E402

matplotlib.use("agg")  # not through MPLBACKEND, which kernels would inherit
