//! The model of the HorizontalPodAutoscaler: rows of Kubernetes' own tests, tables computed by hand, and properties.

#[path = "hpa/rows.rs"]
mod rows;
