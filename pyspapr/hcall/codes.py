"""Hypercall return codes (PAPR, "Hypervisor Call Return Codes")."""

from __future__ import annotations

from typing import Final

H_SUCCESS: Final = 0
H_CLOSED: Final = 2
H_CONTINUE: Final = 18
H_HARDWARE: Final = -1
H_FUNCTION: Final = -2
H_PARAMETER: Final = -4
H_BAD_MODE: Final = -5
H_PTEG_FULL: Final = -6
H_RESOURCE: Final = -16
H_P2: Final = -55
H_P3: Final = -56
H_P4: Final = -57
H_UNSUPPORTED_FLAG: Final = -256
