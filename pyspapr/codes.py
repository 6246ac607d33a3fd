"""Return codes of hypercalls (PAPR, "Hypervisor Call Return Codes") and statuses of RTAS calls."""

from __future__ import annotations

from typing import Final

from pyspapr._native import H_FUNCTION as H_FUNCTION
from pyspapr._native import H_HARDWARE as H_HARDWARE
from pyspapr._native import H_PARAMETER as H_PARAMETER
from pyspapr._native import H_PTEG_FULL as H_PTEG_FULL
from pyspapr._native import H_SUCCESS as H_SUCCESS

H_BUSY: Final = 1
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

RETURN_CODES: Final[dict[str, int]] = {
    "H_SUCCESS": 0,
    "H_BUSY": 1,
    "H_CLOSED": 2,
    "H_NOT_AVAILABLE": 3,
    "H_CONSTRAINED": 4,
    "H_PARTIAL": 5,
    "H_IN_PROGRESS": 14,
    "H_PAGE_REGISTERED": 15,
    "H_PARTIAL_STORE": 16,
    "H_PENDING": 17,
    "H_CONTINUE": 18,
    "H_LONG_BUSY_ORDER_1_MSEC": 9900,
    "H_LONG_BUSY_ORDER_10_MSEC": 9901,
    "H_LONG_BUSY_ORDER_100_MSEC": 9902,
    "H_LONG_BUSY_ORDER_1_SEC": 9903,
    "H_LONG_BUSY_ORDER_10_SEC": 9904,
    "H_LONG_BUSY_ORDER_100_SEC": 9905,
    "H_HARDWARE": -1,
    "H_FUNCTION": -2,
    "H_PRIVILEGE": -3,
    "H_PARAMETER": -4,
    "H_BAD_MODE": -5,
    "H_PTEG_FULL": -6,
    "H_NOT_FOUND": -7,
    "H_NO_MEM": -9,
    "H_AUTHORITY": -10,
    "H_PERMISSION": -11,
    "H_DROPPED": -12,
    "H_RESOURCE": -16,
    "H_TABLE_FULL": -41,
    "H_NOT_ENOUGH_RESOURCES": -44,
    "H_P2": -55,
    "H_P3": -56,
    "H_P4": -57,
    "H_TOO_BIG": -64,
    "H_UNSUPPORTED_FLAG": -256,
}
"""Hypercalls' return codes by name, as faults are injected by."""

STATUSES: Final[dict[str, int]] = {
    "SUCCESS": SUCCESS,
    "HARDWARE_ERROR": HARDWARE_ERROR,
    "BUSY": -2,
    "PARAMETER_ERROR": PARAMETER_ERROR,
    "NOT_AUTHORIZED": NOT_AUTHORIZED,
    "EXTENDED_DELAY_1_MSEC": 9900,
    "EXTENDED_DELAY_10_MSEC": 9901,
    "EXTENDED_DELAY_100_MSEC": 9902,
    "EXTENDED_DELAY_1_SEC": 9903,
    "EXTENDED_DELAY_10_SEC": 9904,
    "EXTENDED_DELAY_100_SEC": 9905,
}
"""RTAS calls' statuses by name, likewise."""
