//! The time of day that the city is lit by, bottom left.

use super::browser;
use super::icon;
use super::shell::{Shell, shell};
use crate::daytime;
use citytwin_viewer::Sun;
use leptos::prelude::*;

/// The slider's step.
const STEP_MIN: u32 = 5;

#[component]
pub(super) fn Daytime() -> impl IntoView {
    let shell = shell();
    let open = RwSignal::new(false);
    let chosen_ms = RwSignal::new(None::<f64>);
    // The scene belongs to the viewer; what is chosen here goes there at once.
    let choose = move |time_ms: Option<f64>| {
        chosen_ms.set(time_ms);
        shell.with_viewer(|viewer| {
            let mut scene = viewer.scene();
            scene.sun = Sun { time_ms };
            // Out of range are only dates that the field below does not offer.
            let _ = viewer.set_scene(scene);
        });
    };
    let close = move || {
        open.set(false);
        browser::focus("time-button");
    };
    view! {
        <Show when=move || shell.city().is_some()>
            <div class="daytime" on:keydown=move |event| if event.key() == "Escape" && open.get_untracked() {
                event.stop_propagation();
                close();
            }>
                <Show when=move || open.get()>
                    <section id="daytime" class="daytime__card card" aria-label=move || shell.words().daytime>
                        {move || fields(shell, chosen_ms, choose)}
                    </section>
                </Show>
                <button
                    id="time-button" class="tool card" type="button" on:click=move |_| open.update(|open| *open = !*open)
                    aria-expanded=move || open.get().to_string() aria-controls="daytime"
                    aria-label=move || shell.words().daytime title=move || shell.words().daytime
                >
                    {icon::CLOCK.view()}
                </button>
            </div>
        </Show>
    }
}

fn fields(
    shell: Shell,
    chosen_ms: RwSignal<Option<f64>>,
    choose: impl Fn(Option<f64>) + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let words = shell.words();
    let now_ms = browser::now_ms();
    let shown_ms = move || chosen_ms.get().unwrap_or(now_ms);
    let offset_of = move |time_ms: f64| {
        let lon = shell.city_untracked().map_or(0.0, |city| city.twin.home.lon);
        daytime::offset_min(lon, browser::clock_offset_min(time_ms))
    };
    let shown = Memo::new(move |_| daytime::local(shown_ms(), offset_of(shown_ms())));
    let set = move |date: &str, minute: u32| {
        let offset = offset_of(chosen_ms.get_untracked().unwrap_or(now_ms));
        if let Some(time_ms) = daytime::time_ms(date, minute, offset) {
            choose(Some(time_ms));
        }
    };
    view! {
        <div class="daytime__row">
            <label for="daytime-date">{words.date}</label>
            <input
                id="daytime-date" class="daytime__date" type="date" min="2010-01-01" max="2109-12-31" required
                prop:value=move || shown.get().0
                on:change=move |event| set(&event_target_value(&event), shown.get_untracked().1)
            />
        </div>
        <div class="daytime__row">
            <label for="daytime-hour">{words.time}</label>
            <output class="daytime__clock" for="daytime-hour">{move || daytime::clock(shown.get().1)}</output>
        </div>
        <input
            id="daytime-hour" class="daytime__hour" type="range" min="0" max="1439" step=STEP_MIN
            prop:value=move || shown.get().1.to_string() aria-valuetext=move || daytime::clock(shown.get().1)
            on:input=move |event| if let Ok(minute) = event_target_value(&event).parse() {
                set(&shown.get_untracked().0, minute);
            }
        />
        <div class="daytime__row">
            <button id="daytime-now" class="button button--quiet" type="button" on:click=move |_| choose(Some(browser::now_ms()))>
                {words.now}
            </button>
            <button
                id="daytime-clear" class="button button--quiet" type="button" on:click=move |_| choose(None)
                aria-pressed=move || chosen_ms.get().is_none().to_string()
            >
                {words.clear_morning}
            </button>
        </div>
    }
}
