//! Rights an app defines for itself (自定义权限项). They are the app's, so no operator is asked for.

use rotunda_core::custom_right::{self, CustomRight};
use serde_json::{Value, json};

use super::{Call, Refusal, Reply, entity::Shape, fields, nothing};

pub async fn create(call: Call<'_>) -> Reply {
    let name = call.form.text("name").unwrap_or_default();
    let made = custom_right::define(call.core, call.app.id, id(call)?, name).await?;
    Ok(fields([("customAuth", written(call.shape, &made))]))
}

pub async fn remove(call: Call<'_>) -> Reply {
    custom_right::remove(call.core, call.app.id, id(call)?).await?;
    Ok(nothing())
}

pub async fn all(call: Call<'_>) -> Reply {
    let all = custom_right::list(call.core, call.app.id).await?;
    Ok(call.shape.list(&all, "customAuths", written))
}

/// Those of `authBits` that are defined.
pub async fn by_ids(call: Call<'_>) -> Reply {
    let asked: Vec<u32> = call.form.ids("authBits")?;
    let mut found = custom_right::list(call.core, call.app.id).await?;
    found.retain(|known| asked.contains(&known.right.id()));
    Ok(call.shape.list(&found, "customAuths", written))
}

fn id(call: Call<'_>) -> Result<u32, Refusal> {
    call.form.id("authBit")
}

fn written(_: Shape, of: &CustomRight) -> Value {
    json!({ "authBit": of.right.id(), "name": of.name, "createTime": of.created })
}
