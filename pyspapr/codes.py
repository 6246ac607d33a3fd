"""Return codes of hypercalls (PAPR, "Hypervisor Call Return Codes") and statuses of RTAS calls."""

from __future__ import annotations

from typing import Final

from pyspapr._native import H_FUNCTION as H_FUNCTION
from pyspapr._native import H_HARDWARE as H_HARDWARE
from pyspapr._native import H_PARAMETER as H_PARAMETER
from pyspapr._native import H_PTEG_FULL as H_PTEG_FULL
from pyspapr._native import H_SUCCESS as H_SUCCESS

H_CLOSED: Final = 2
H_CONTINUE: Final = 18
H_BAD_MODE: Final = -5
H_RESOURCE: Final = -16
H_P2: Final = -55
H_P3: Final = -56
H_P4: Final = -57
H_UNSUPPORTED_FLAG: Final = -256

SUCCESS: Final = 0
NO_ERRORS_FOUND: Final = 1
HARDWARE_ERROR: Final = -1
PARAMETER_ERROR: Final = -3
NOT_SUPPORTED: Final = -3
SYSPARM_PARAMETER_ERROR: Final = -9999
NOT_AUTHORIZED: Final = -9002
