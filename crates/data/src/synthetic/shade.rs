//! How much light a surface sends to the camera: a soft-edged lamp, light from all around (more from above), and a
//! gleam.

use super::{person::Color, situation::Light, vec3::Vec3};

/// A surface's answer to light.
#[derive(Clone, Copy)]
pub(super) struct Gloss {
    /// Strength of the gleam.
    pub strength: f64,
    /// Its sharpness.
    pub power: i32,
    /// How far light goes round an edge: skin and hair more, wire less.
    pub wrap: f64,
}

/// The light of a color `albedo` on a surface with the unit `normal`, seen from the front.
pub(super) fn lit(light: &Light, albedo: Color, normal: Vec3, gloss: Gloss) -> Color {
    let facing = normal.dot(light.direction);
    let diffuse = light.key * ((facing + gloss.wrap) / (1.0 + gloss.wrap)).max(0.0);
    let around = light.ambient * (0.75 - 0.35 * normal.y + 0.15 * normal.z);
    let half = (light.direction + Vec3::new(0.0, 0.0, 1.0)).unit();
    let gleam = gloss.strength * light.key * normal.dot(half).max(0.0).powi(gloss.power);
    let warm = light.warmth as f32;
    let tint = [1.0 + 0.12 * warm, 1.0, 1.0 - 0.18 * warm];
    // Light that went through skin at the edge of the shadow is red.
    let bleed = gloss.wrap as f32 * 0.25 * (1.0 - (facing.abs() * 2.5).min(1.0)) as f32 * light.key as f32;
    std::array::from_fn(|i| {
        let red = if i == 0 { bleed * 0.35 } else { 0.0 };
        albedo[i] * ((diffuse as f32 + red) * tint[i] + around as f32) + gleam as f32 * tint[i]
    })
}
