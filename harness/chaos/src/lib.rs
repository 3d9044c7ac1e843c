//! One six-step fault: set up, inject, confirm, recover, confirm, clean up.
