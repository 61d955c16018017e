//! The pages: what they show is what replant prints, what is listed is all there is, and every link leads somewhere.

#[path = "../desk/mod.rs"]
mod desk;
mod links;
mod reference;
mod shown;
