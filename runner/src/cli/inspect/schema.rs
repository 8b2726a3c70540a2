//! The description of an entry point for people: what its JSON Schemas say of the first level, in a line each. The whole
//! of it is in `--json`.

use serde_json::Value;

/// `Turns a string around.`, `takes payload: string, times: integer (optional)`, `answers reversed: string`; of these,
/// the ones that there is something to say about.
pub(super) fn lines(description: &Value) -> Vec<String> {
    let text = description["description"].as_str().unwrap_or_default();
    let first = text.lines().next().unwrap_or_default();
    let mut lines = Vec::new();
    if !first.is_empty() {
        lines.push(first.to_owned());
    }
    for (verb, key) in [("takes", "parameters"), ("answers", "result")] {
        if let Some(schema) = description.get(key) {
            lines.push(format!("{verb} {}", outline(schema)));
        }
    }
    lines
}

fn outline(schema: &Value) -> String {
    let Some(properties) = schema["properties"].as_object() else {
        return kind(schema);
    };
    let required = |name: &String| {
        let names = schema["required"].as_array();
        names.is_some_and(|names| names.iter().any(|it| it == name.as_str()))
    };
    let fields: Vec<String> = properties
        .iter()
        .map(|(name, schema)| {
            let optional = if required(name) { "" } else { " (optional)" };
            format!("{name}: {}{optional}", kind(schema))
        })
        .collect();
    match fields.is_empty() {
        true => "an empty object".to_owned(),
        false => fields.join(", "),
    }
}

/// `string`, `integer or null`; `anything` where the schema does not say.
fn kind(schema: &Value) -> String {
    let named = |name: &Value| name.as_str().map(str::to_owned);
    match &schema["type"] {
        Value::String(name) => name.clone(),
        Value::Array(names) => names
            .iter()
            .filter_map(named)
            .collect::<Vec<_>>()
            .join(" or "),
        _ => schema["$ref"]
            .as_str()
            .and_then(|path| path.rsplit('/').next())
            .unwrap_or("anything")
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_it_takes_and_answers() {
        let description = json!({
            "description": "Turns a string around.\nAnd more.",
            "parameters": {
                "type": "object",
                "properties": {
                    "payload": { "type": "string" },
                    "times": { "type": ["integer", "null"] },
                    "shape": { "$ref": "#/$defs/Shape" },
                },
                "required": ["payload", "shape"],
            },
            "result": { "type": "array" },
        });
        assert_eq!(
            lines(&description),
            [
                "Turns a string around.",
                "takes payload: string, shape: Shape, times: integer or null (optional)",
                "answers array",
            ]
        );
    }

    #[test]
    fn whatever_it_says() {
        assert_eq!(
            lines(&json!({ "description": "", "parameters": true })),
            ["takes anything"]
        );
        assert_eq!(
            lines(&json!({ "result": { "properties": {} } })),
            ["answers an empty object"]
        );
        for odd in [json!(null), json!([1]), json!({ "description": 7 })] {
            assert_eq!(lines(&odd), Vec::<String>::new());
        }
    }
}
