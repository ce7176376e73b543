//! What manifests mean that put middleware in front of components.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::path::Path;

use host_app::{App, Inherit, TriggerSpec};
use host_manifest::{LoadOptions, ManifestError};

fn parse(text: &str) -> Result<App, ManifestError> {
    let text = format!("spin_manifest_version = 2\n[application]\nname = \"a\"\n{text}");
    host_manifest::parse(&text, Path::new("spin.toml"), &LoadOptions::default())
}

/// A component, two that can stand in front of it, and `more`.
fn guarded(more: &str) -> App {
    let text = format!(
        "{more}
         [component.cart]\nsource = \"cart.wasm\"
         [component.auth]\nsource = \"auth.wasm\"
         [component.log]\nsource = \"log.wasm\"\n"
    );
    parse(&text).unwrap()
}

/// A trigger of `cart` with these elements in front.
fn trigger(id: &str, route: &str, middleware: &str) -> String {
    format!(
        "[[trigger.http]]\nid = {id:?}\ncomponent = \"cart\"\nroute = {route}
         dependencies.middleware = [{middleware}]\n"
    )
}

/// What every HTTP trigger starts, and what stands in front of that.
fn chains(app: &App) -> Vec<(&str, Vec<&str>)> {
    let http = app.triggers.iter().map(|trigger| &trigger.spec);
    let http = http.filter(|spec| matches!(spec, TriggerSpec::Http(_)));
    let started = http.filter_map(TriggerSpec::component);
    let components = started.filter_map(|id| app.components.get_key_value(id));
    components
        .map(|(id, component)| {
            assert_eq!(component.id, "cart", "{id}");
            let names = component.middleware.iter().map(|m| m.name.as_str());
            (id.as_str(), names.collect())
        })
        .collect()
}

const AUTH: &str = "{ component = \"auth\", inherit_configuration = true }";
const LOG: &str = "{ component = \"log\", inherit_configuration = [\"variables\"] }";

#[test]
fn middleware_stands_in_front_of_the_component_of_its_trigger() {
    let path = "{ path = \"more/trace.wasm\" }";
    let chain = format!("{AUTH}, {LOG}, {path}");
    let app = guarded(&trigger("public", "\"/...\"", &chain));
    assert_eq!(
        chains(&app),
        [("cart", vec!["auth", "log", "more/trace.wasm"])]
    );
    let middleware = &app.components["cart"].middleware;
    assert_eq!(middleware[0].source, Path::new("./auth.wasm"));
    assert_eq!(middleware[0].inherit, Inherit::Everything);
    assert_eq!(
        middleware[1].inherit,
        Inherit::Sets(vec!["variables".to_owned()])
    );
    assert_eq!(middleware[2].source, Path::new("./more/trace.wasm"));
    assert_eq!(middleware[2].inherit, Inherit::Nothing);
    assert!(
        middleware[0].place.starts_with("spin.toml:"),
        "{middleware:?}"
    );
    assert!(app.components["auth"].middleware.is_empty());
    assert_eq!(app.components.len(), 3);
}

#[test]
fn triggers_that_agree_share_one_component() {
    let one = trigger("one", "\"/one\"", AUTH);
    let two = trigger("two", "\"/two\"", AUTH);
    let app = guarded(&format!("{one}{two}"));
    assert_eq!(
        chains(&app),
        [("cart", vec!["auth"]), ("cart", vec!["auth"])]
    );
    assert_eq!(app.components.len(), 3);
}

#[test]
fn triggers_that_disagree_get_components_of_their_own() {
    let triggers = [
        trigger("one", "\"/one\"", AUTH),
        trigger("two", "\"/two\"", LOG),
        trigger("three", "\"/three\"", ""),
        trigger("four", "\"/four\"", LOG),
        trigger("five", "\"/five\"", &format!("{LOG}, {AUTH}")),
    ];
    let app = guarded(&triggers.concat());
    assert_eq!(
        chains(&app),
        [
            ("cart", vec!["auth"]),
            ("cart-for-two", vec!["log"]),
            ("cart-for-three", vec![]),
            ("cart-for-two", vec!["log"]),
            ("cart-for-five", vec!["log", "auth"]),
        ]
    );
}

#[test]
fn a_capability_more_is_another_middleware() {
    let some = "{ component = \"auth\", inherit_configuration = [\"variables\"] }";
    let one = trigger("one", "\"/one\"", AUTH);
    let two = trigger("two", "\"/two\"", some);
    let app = guarded(&format!("{one}{two}"));
    assert_eq!(
        chains(&app),
        [("cart", vec!["auth"]), ("cart-for-two", vec!["auth"])]
    );
}

#[test]
fn a_private_trigger_decides_what_other_components_reach() {
    let public = trigger("public", "\"/...\"", AUTH);
    let private = trigger("private", "{ private = true }", "");
    for triggers in [format!("{public}{private}"), format!("{private}{public}")] {
        let app = guarded(&triggers);
        let mut chains = chains(&app);
        chains.sort_unstable();
        assert_eq!(
            chains,
            [("cart", vec![]), ("cart-for-public", vec!["auth"])]
        );
    }
}

#[test]
fn messages_do_not_pass_middleware() {
    let redis =
        "[[trigger.redis]]\naddress = \"redis://h:1\"\nchannel = \"c\"\ncomponent = \"cart\"\n";
    let http = trigger("public", "\"/...\"", AUTH);
    let app = guarded(&format!("{redis}{http}"));
    assert_eq!(chains(&app), [("cart", vec!["auth"])]);
    assert_eq!(app.triggers[0].spec.component(), Some("cart"));
    assert_eq!(app.components.len(), 3);
}

#[test]
fn a_name_that_is_taken_gets_a_number() {
    let one = trigger("one", "\"/one\"", AUTH);
    let two = trigger("two", "\"/two\"", LOG);
    let taken = "[component.cart-for-two]\nsource = \"other.wasm\"\n";
    let app = guarded(&format!("{one}{two}{taken}"));
    assert_eq!(
        chains(&app),
        [("cart", vec!["auth"]), ("cart-for-two-d1", vec!["log"])]
    );
}

#[test]
fn middleware_of_components_that_are_left_out_is_found() {
    let text = "spin_manifest_version = 2\n[application]\nname = \"a\"\n\
        [[trigger.http]]\nroute = \"/...\"\ncomponent = \"cart\"\n\
        dependencies.middleware = [{ component = \"auth\" }]\n\
        [component.cart]\nsource = \"cart.wasm\"\n[component.auth]\nsource = \"auth.wasm\"\n";
    let options = LoadOptions {
        components: vec!["cart".to_owned()],
        ..LoadOptions::default()
    };
    let app = host_manifest::parse(text, Path::new("spin.toml"), &options).unwrap();
    assert_eq!(app.components.len(), 1);
    let middleware = &app.components["cart"].middleware;
    assert_eq!(middleware[0].source, Path::new("./auth.wasm"));
}
