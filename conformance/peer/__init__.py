"""The other side of a DIM/2023 connection, written after docs/protocol alone: packets, identities, log-in, messages."""
