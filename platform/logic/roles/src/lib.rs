//! The flow itself: gateway, scheduler, worker, replica, and admin, fleet, autoscaler, as state machines.
