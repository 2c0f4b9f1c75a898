use crate::survives::*;
#[test]
fn tmp() {
    let Ok(script) = std::env::var("REPLAY") else { return };
    match std::env::var("PLAN").as_deref() {
        Ok("errors") => bad().replay(&script).map_err(|e| println!("{e}")).unwrap(),
        Ok("full") => whole().replay(&script).map_err(|e| println!("{e}")).unwrap(),
        _ => crash().replay(&script).map_err(|e| println!("{e}")).unwrap(),
    }
}
