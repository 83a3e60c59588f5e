//! The description of `/v1` (OpenAPI 3.1), made from the handlers, and a page to read it.

use std::fmt::Write;

use rotunda_model::Right;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        OpenApi as Api, RefOr,
        path::{Operation, Parameter},
        schema::{Schema, SchemaType, Type},
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use super::{apps, audit, channels, events, explain, moderation, sessions};

/// The whole of it.
#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "Rotunda",
        description = "For operators. A call that changes something carries an Idempotency-Key: it is done once, and \
            within a day answered alike when it comes again.",
        license(name = "Apache-2.0"),
    ),
    paths(
        apps::list, apps::create, apps::rotate, sessions::list, explain::explain, channels::members,
        channels::end, channels::config, channels::set_config, moderation::mute, moderation::unmute,
        moderation::kick, moderation::mute_all, moderation::unmute_all, audit::list, events::list
    ),
    modifiers(&Bearer, &Shapes),
)]
pub struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, api: &mut Api) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
        let scheme = scheme.description(Some("From `rotunda admin-token create`")).build();
        let components = api.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// What texts a parameter takes, by its name: the same everywhere.
struct Shapes;

/// Ids are 64-bit and positive.
const ID: &str = "^([1-9][0-9]{0,17}|[1-8][0-9]{18})$";
const ACCOUNT: &str = "^[A-Za-z0-9_@.-]{1,32}$";
/// Printable ASCII. HTTP trims blanks at both ends.
const KEY: &str = "^[!-~]([ -~]{0,126}[!-~])?$";

impl Modify for Shapes {
    fn modify(&self, api: &mut Api) {
        for item in api.paths.paths.values_mut() {
            let of = [&mut item.get, &mut item.post, &mut item.patch, &mut item.delete];
            of.into_iter().flatten().for_each(shape);
        }
    }
}

fn shape(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        let RefOr::T(Parameter { name, schema: Some(RefOr::T(Schema::Object(schema))), .. }) = parameter
        else {
            continue;
        };
        if schema.schema_type != SchemaType::Type(Type::String) {
            continue;
        }
        schema.pattern = Some(match name.as_str() {
            "server" | "channel" | "category" | "before" => ID.to_owned(),
            "after" => "^(0|[1-9][0-9]{0,17}|[1-8][0-9]{18})$".to_owned(),
            "account" => ACCOUNT.to_owned(),
            "right" => rights(),
            "Idempotency-Key" => KEY.to_owned(),
            _ => continue,
        });
    }
}

/// The built-in ones by name and number, and numbers that apps may give theirs.
fn rights() -> String {
    let name = |right: &Right| [right.id().to_string(), right.name().unwrap_or_default().to_owned()];
    let built_in = Right::BUILT_IN.iter().flat_map(name);
    format!("^({}|[1-9][0-9]{{4,8}})$", built_in.collect::<Vec<_>>().join("|"))
}

/// One table, without scripts: it can be read offline and under any policy.
pub fn page(api: &Api) -> String {
    let mut rows = String::new();
    for (path, item) in &api.paths.paths {
        let of = [("GET", &item.get), ("POST", &item.post), ("PATCH", &item.patch), ("DELETE", &item.delete)];
        for (method, operation) in of.into_iter().filter_map(|(name, of)| Some((name, of.as_ref()?))) {
            let answers: Vec<String> = operation.responses.responses.keys().cloned().collect();
            let name = |parameter: &RefOr<Parameter>| match parameter {
                RefOr::T(parameter) => Some(parameter.name.clone()),
                RefOr::Ref(_) => None,
            };
            let parameters: Vec<String> = operation.parameters.iter().flatten().filter_map(name).collect();
            let _ = write!(
                rows,
                "<tr><td>{method}</td><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
                escape(path),
                escape(&parameters.join(", ")),
                escape(&answers.join(", "))
            );
        }
    }
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Rotunda /v1</title>\
         <style>body{{font:1rem/1.5 system-ui;margin:2rem;max-width:70rem}}td,th{{text-align:left;padding:.2rem .8rem}}\
         </style><h1>Rotunda /v1</h1><p>{}</p><p>The whole description: <a href=openapi.json>openapi.json</a>.</p>\
         <table><tr><th>Method<th>Path<th>Parameters<th>Answers</tr>{rows}</table></html>",
        escape(api.info.description.as_deref().unwrap_or_default())
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
