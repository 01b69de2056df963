//! t
/// N
#[derive(Debug)]
pub struct NebariApp;
/// F
#[derive(Debug)]
pub struct FieldError {
    /// x
    pub pointer: String,
    /// x
    pub message: String,
}
impl NebariApp {
    /// x
    /// # Errors
    /// x
    pub fn parse(_value: &serde_json::Value) -> Result<Self, Vec<FieldError>> {
        Ok(Self)
    }
}
