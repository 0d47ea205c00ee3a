//! Links beside the radio: to other units, to their operator, and to brokers.
