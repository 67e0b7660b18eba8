//! The switches of how deep one sees: through buildings, and below the ground.

use super::icon::{self, Icon};
use super::shell::Shell;
use citytwin_viewer::Scene;
use leptos::prelude::*;

/// The switches, in the current language.
pub(super) fn view(shell: Shell) -> AnyView {
    let words = shell.words();
    let through = row(
        shell,
        "see-through",
        icon::SEE_THROUGH,
        words.see_through,
        |scene| scene.x_ray.enabled,
        |scene, on| scene.x_ray.enabled = on,
    );
    let below = row(
        shell,
        "underground",
        icon::UNDERGROUND,
        words.underground,
        |scene| scene.underground.enabled,
        |scene, on| scene.underground.enabled = on,
    );
    view! {
        <h3 class="panel__part" id="sight-title">{words.look_inside}</h3>
        <ul class="layers" aria-labelledby="sight-title">{through}{below}</ul>
    }
    .into_any()
}

/// The viewer's scene is the one truth of what is on.
fn row(
    shell: Shell,
    id: &'static str,
    icon: Icon,
    name: &'static str,
    is_on: fn(&Scene) -> bool,
    set: fn(&mut Scene, bool),
) -> AnyView {
    let on = shell.viewer.with_value(|viewer| viewer.as_ref().is_some_and(|viewer| is_on(&viewer.scene())));
    let switch = move |event| {
        let on = event_target_checked(&event);
        shell.with_viewer(|viewer| {
            let mut scene = viewer.scene();
            set(&mut scene, on);
            // A switch keeps every number as it is, so the scene stays as valid as it was.
            let _ = viewer.set_scene(scene);
        });
    };
    view! {
        <li>
            <label class="switch" data-theme="other">
                <span class="switch__icon">{icon.view()}</span>
                <span class="switch__name">{name}</span>
                <input id=id class="switch__box" type="checkbox" role="switch" prop:checked=on on:change=switch/>
            </label>
        </li>
    }
    .into_any()
}
