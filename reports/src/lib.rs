//! Run directories to statistics to text and HTML.
