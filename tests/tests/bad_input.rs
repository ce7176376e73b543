//! What a user gets wrong: said on standard error, exit code 64, before
//! anything listens.

use std::net::TcpListener;

use system_tests::{Application, Host, probe, wasm};

/// The message about an application that cannot be started.
async fn refused(manifest: &str, words: &[&str]) {
    let application = Application::new(manifest);
    Host::fails(&application, &[]).await.says(words);
}

#[tokio::test]
async fn an_unknown_key_is_named_with_its_place_and_its_mend() {
    let manifest = format!("{}\nenviroment = {{ A = \"1\" }}", probe("all", ""));
    let words = ["spin.toml:12:1", "component.all.enviroment", "environment"];
    refused(&manifest, &words).await;
}

#[tokio::test]
async fn two_triggers_cannot_have_the_same_route() {
    let more = "[[trigger.http]]\nroute = \"/all/...\"\ncomponent = \"all\"";
    let words = [
        "spin.toml:11:9",
        "trigger.http[1].route",
        "all-http-trigger",
    ];
    refused(&probe("all", more), &words).await;
}

#[tokio::test]
async fn a_wasm_file_that_is_not_there_is_named() {
    let manifest = "[[trigger.http]]\nroute = \"/\"\ncomponent = \"a\"\n\
                    [component.a]\nsource = \"not-built.wasm\"";
    refused(
        manifest,
        &[
            "spin.toml:9:10",
            "component.a.source",
            "not-built.wasm",
            "mend the path",
        ],
    )
    .await;
}

#[tokio::test]
async fn broken_toml_is_pointed_at() {
    refused("[component.a\nsource = 1", &["spin.toml:5:"]).await;
}

#[tokio::test]
async fn a_manifest_that_is_not_there_is_named() {
    let nowhere = Host::command(&["up", "--from", "/nonexistent/spin.toml"]).await;
    nowhere.says(&["/nonexistent/spin.toml", "--from"]);
}

/// A component with one trigger, neither of which need fit the other.
fn component(trigger: &str, wasm: &std::path::Path, more: &str) -> String {
    format!(
        "[[trigger.{trigger}\ncomponent = \"mine\"\n[component.mine]\nsource = {wasm:?}\n{more}\n"
    )
}

const HTTP: &str = "http]]\nroute = \"/\"";
const REDIS: &str = "redis]]\naddress = \"redis://127.0.0.1:1\"\nchannel = \"c\"";
const CRON: &str = "cron]]\ncron_expression = \"* * * * * *\"";

#[tokio::test]
async fn a_component_must_export_what_its_trigger_starts() {
    for (trigger, guest, words) in [
        (
            HTTP,
            "guest-messages",
            ["\"mine\"", "an http trigger", "wasi:http/handler@0.3.0"],
        ),
        (
            HTTP,
            "guest-ticks",
            [
                "\"mine\"",
                "an http trigger",
                "wasi:http/incoming-handler@0.2",
            ],
        ),
        (
            CRON,
            "guest-probe",
            ["\"mine\"", "cron", "suoke:cron/handler@1.0.0"],
        ),
        (
            REDIS,
            "guest-probe",
            ["\"mine\"", "redis", "spin:redis/inbound-redis@3.0.0"],
        ),
    ] {
        refused(&component(trigger, &wasm(guest), ""), &words).await;
    }
}

#[tokio::test]
async fn a_schedule_must_be_readable() {
    for (expression, reason) in [
        ("* * * *", "six fields"),
        ("61 * * * * *", "61"),
        ("* * * * * funday", "funday"),
    ] {
        let trigger = format!("cron]]\ncron_expression = {expression:?}");
        let words = ["mine", expression, reason];
        refused(&component(&trigger, &wasm("guest-ticks"), ""), &words).await;
    }
}

#[tokio::test]
async fn a_taken_port_is_named_with_its_mend() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let application = Application::new(&probe("all", ""));
    let failed = Host::fails(&application, &["--listen", &address]).await;
    failed.says(&[&address, "already in use", "--find-free-port"]);
    let failed = Host::fails(&application, &["--admin-listen", &address]).await;
    failed.says(&[&address, "--admin-listen"]);
}

#[tokio::test]
async fn a_store_must_be_configured_before_it_is_used() {
    refused(
        &probe("all", "key_value_stores = [\"ledger\"]"),
        &["\"all\"", "ledger"],
    )
    .await;
    refused(
        &probe("all", "sqlite_databases = [\"ledger\"]"),
        &["\"all\"", "ledger"],
    )
    .await;
}

#[tokio::test]
async fn a_file_that_is_no_component_is_named() {
    let good = std::fs::read(wasm("guest-probe")).unwrap();
    let truncated = good.split_at(good.len() / 2).0.to_vec();
    let mut flipped = good.clone();
    for byte in flipped.iter_mut().skip(1000).step_by(100) {
        *byte ^= 0x55;
    }
    let random: Vec<u8> = (0..5000u32).map(|n| (n * 7919 % 253) as u8).collect();
    let core = b"\0asm\x01\0\0\0".to_vec();
    for (what, bytes) in [
        ("truncated", truncated),
        ("flipped", flipped),
        ("random", random),
        ("core", core),
        ("empty", Vec::new()),
    ] {
        let application =
            Application::new(&component(HTTP, "mine.wasm".as_ref(), "")).with("mine.wasm", bytes);
        let failed = Host::fails(&application, &[]).await;
        println!("{what}: {}", failed.stderr);
        failed.says(&["\"mine\"", "mine.wasm", "not a valid component"]);
    }
}

#[tokio::test]
async fn a_template_names_variables_that_exist() {
    let more = "[component.all.variables]\ngreeting = \"{{ polite }}\"";
    refused(
        &probe("all", more),
        &["spin.toml:11:12", "unknown variable \"polite\""],
    )
    .await;
}

#[tokio::test]
async fn every_required_variable_needs_a_value() {
    let manifest = format!(
        "[variables]\ntoken = {{ required = true }}\n{}",
        probe("all", "")
    );
    refused(
        &manifest,
        &["token", "SPIN_VARIABLE_TOKEN", "--variable token="],
    )
    .await;
}

#[tokio::test]
async fn variables_on_the_command_line_have_a_name_and_a_value() {
    let application = Application::new(&probe("all", ""));
    for (argument, words) in [
        ("novalue", ["novalue", "KEY=VALUE"]),
        ("=value", ["=value", "KEY=VALUE"]),
        ("name=@/nonexistent/file", ["name", "/nonexistent/file"]),
    ] {
        Host::fails(&application, &["--variable", argument])
            .await
            .says(&words);
    }
}

#[tokio::test]
async fn a_runtime_configuration_must_be_readable() {
    let application = Application::new(&probe("all", ""))
        .with("syntax.toml", "a = ")
        .with(
            "unknown.toml",
            "[key_value_stor.default]\ntype = \"spin\"\n",
        )
        .with(
            "type.toml",
            "[sqlite_database.default]\ntype = \"oracle\"\n",
        );
    for (file, words) in [
        ("missing.toml", ["missing.toml", "cannot"]),
        ("syntax.toml", ["syntax.toml:1:", "a"]),
        ("unknown.toml", ["unknown.toml:1:2", "key_value_store"]),
        ("type.toml", ["type.toml:2:8", "oracle"]),
    ] {
        let path = application.path(file);
        let arguments = ["--runtime-config-file", path.to_str().unwrap()];
        Host::fails(&application, &arguments).await.says(&words);
    }
}

#[tokio::test]
async fn a_store_that_cannot_be_opened_is_named() {
    let config = "[sqlite_database.default]\ntype = \"spin\"\npath = \"spin.toml\"\n";
    let application = Application::new(&probe("all", "sqlite_databases = [\"default\"]"))
        .with("runtime-config.toml", config);
    let failed = Host::fails(&application, &[]).await;
    failed.says(&["sqlite_database", "default", "spin.toml"]);
}

#[tokio::test]
async fn components_that_are_selected_or_followed_exist() {
    let application = Application::new(&probe("all", ""));
    for flag in ["--component-id", "--follow"] {
        Host::fails(&application, &[flag, "nobody"])
            .await
            .says(&["nobody", "all"]);
    }
}

#[tokio::test]
async fn a_dependency_must_fit_its_import() {
    let more = |name: &str, package: &str| {
        let source = wasm(package);
        format!("[component.mine.dependencies]\n{name:?} = {{ path = {source:?} }}")
    };
    let manifest = |more: &str| component(HTTP, &wasm("component-diagnosis-run"), more);
    let inquiry = "suoke:diagnosis/inquiry@1.0.0";
    for (name, package, words) in [
        (
            "suoke:nothing/here@1.0.0",
            "component-step-inquiry",
            ["suoke:nothing/here@1.0.0", "no import"],
        ),
        (inquiry, "guest-probe", [inquiry, "doesn't export"]),
        (
            "suoke:diagnosis/inquiry@2.0.0",
            "component-step-inquiry",
            ["suoke:diagnosis/inquiry@2.0.0", "no import"],
        ),
    ] {
        refused(&manifest(&more(name, package)), &words).await;
    }
    // Without its dependency the component cannot be linked.
    refused(&manifest(""), &["\"mine\"", inquiry]).await;
}

#[tokio::test]
async fn certificates_must_be_readable() {
    let certified = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let application = Application::new(&probe("all", ""))
        .with("cert.pem", certified.cert.pem())
        .with("key.pem", certified.signing_key.serialize_pem())
        .with("empty.pem", "nothing");
    let path = |name: &str| application.path(name).to_str().unwrap().to_owned();
    let (cert, key, empty) = (path("cert.pem"), path("key.pem"), path("empty.pem"));
    for (arguments, words) in [
        (
            vec!["--tls-cert", &cert, "--tls-key", &empty],
            ["empty.pem", "TLS"],
        ),
        (
            vec!["--tls-cert", &empty, "--tls-key", &key],
            ["empty.pem", "TLS"],
        ),
        (
            vec!["--tls-cert", "/nonexistent", "--tls-key", &key],
            ["/nonexistent", "TLS"],
        ),
        (vec!["--tls-cert", &cert], ["--tls-key", "--tls-cert"]),
    ] {
        Host::fails(&application, &arguments).await.says(&words);
    }
}

#[tokio::test]
async fn wrong_arguments_are_wrong_input_and_questions_are_not() {
    for (arguments, word) in [
        (vec!["up", "--listne", "x"], "--listen"),
        (vec!["up", "--listen", "nowhere"], "HOST:PORT"),
        (vec!["upp"], "up"),
        (
            vec!["up", "--max-instance-count", "0"],
            "--max-instance-count",
        ),
        (vec![], "Usage"),
    ] {
        Host::command(&arguments).await.says(&[word]);
    }
    for arguments in [
        vec!["--help"],
        vec!["--version"],
        vec!["up", "--help"],
        vec!["help"],
    ] {
        let asked = Host::command(&arguments).await;
        assert_eq!(asked.code, 0, "{arguments:?}: {}", asked.stderr);
        assert!(
            asked.stdout.contains("suoke"),
            "{arguments:?}: {}",
            asked.stdout
        );
    }
}
