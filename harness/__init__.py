# SPDX-License-Identifier: GPL-2.0
"""Assembles, builds, boots, tests and exports the series."""
