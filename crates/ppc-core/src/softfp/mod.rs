//! Binary floating point in software, with the rounding, NaN and status rules of the Power ISA.
