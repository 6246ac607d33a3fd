"""What tests of a kernel need: a shell in the guest, files in and out, results."""
