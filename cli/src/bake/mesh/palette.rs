//! Colours by day, sRGB.
