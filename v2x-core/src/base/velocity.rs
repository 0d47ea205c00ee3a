//! Velocities on the local plane.

/// The station's velocity, east and north in m/s; zero when it is not known.
pub type Velocity = (f64, f64);

/// From a speed in 0.01 m/s along a heading in 0.1 degree.
pub fn velocity(speed: u16, heading: u16) -> Velocity {
    let speed = f64::from(speed) * 0.01;
    let (sin, cos) = (f64::from(heading) * 0.1).to_radians().sin_cos();
    (speed * sin, speed * cos)
}
