//! What expressions are compiled to: one list of nodes for a whole style, each made of earlier ones.

use super::value::StyleValue;

/// Index of a node in [`Program::nodes`].
pub(super) type NodeId = u32;

/// Everything that a style calculates.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Program {
    pub(super) nodes: Vec<Node>,
    /// Properties that are read, each once.
    pub(super) names: Vec<String>,
    /// Expressions that nodes stand in.
    pub(super) sources: Vec<Source>,
}

/// An expression as it was written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Source {
    /// Where in the style (`color.conditions[2][1]`).
    pub(super) place: String,
    pub(super) text: String,
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) op: Op,
    /// Index into [`Program::sources`].
    pub(super) source: u32,
    /// Where in the expression, in characters from 1.
    pub(super) column: u32,
    /// Levels of nodes below and with this one.
    pub(super) height: u32,
    /// Steps that it takes, those of its parts included.
    pub(super) cost: u32,
}

/// What a node does.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Op {
    /// A value that no feature changes.
    Constant(StyleValue<'static>),
    /// Index into [`Program::names`].
    Property(u32),
    /// `${feature}[…]`: the property of that name.
    NamedProperty(NodeId),
    /// A text with values in it: what is not there leaves nothing.
    Template(Vec<NodeId>),
    Array(Vec<NodeId>),
    Not(NodeId),
    Negative(NodeId),
    Positive(NodeId),
    Binary(Binary, NodeId, NodeId),
    /// All of them, from the left as far as needed.
    And(Vec<NodeId>),
    /// Any of them, from the left as far as needed.
    Or(Vec<NodeId>),
    /// Condition, then, else.
    Conditional(NodeId, NodeId, NodeId),
    Member(NodeId, NodeId),
    /// `vec2`, `vec3`, `vec4`: the length first.
    Vector(u8, Vec<NodeId>),
    Color(Color, Vec<NodeId>),
    /// A function of one to three values.
    Call(Function, Vec<NodeId>),
    /// Pattern and flags.
    RegExp(NodeId, Option<NodeId>),
    Test(NodeId, NodeId),
    Exec(NodeId, NodeId),
    ToString(NodeId),
    IsExactClass(NodeId),
    IsClass(NodeId),
    ClassName,
    /// Milliseconds since the tileset was loaded.
    Time,
}

/// Operators between two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Match,
    NotMatch,
}

/// Functions that make a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Color {
    /// By a CSS text, and perhaps an alpha of its own.
    Css,
    Rgb,
    Hsl,
}

/// Functions that calculate, and conversions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Abs,
    Sqrt,
    Cos,
    Sin,
    Tan,
    Acos,
    Asin,
    Atan,
    Radians,
    Degrees,
    Sign,
    Floor,
    Ceil,
    Round,
    Exp,
    Exp2,
    Log,
    Log2,
    Fract,
    Length,
    Normalize,
    Atan2,
    Pow,
    Min,
    Max,
    Distance,
    Dot,
    Cross,
    Clamp,
    Mix,
    Boolean,
    Number,
    String,
    IsNan,
    IsFinite,
}

impl Function {
    /// The function of a name, and how many values it takes.
    pub(super) fn named(name: &str) -> Option<(Self, usize)> {
        Some(match name {
            "abs" => (Self::Abs, 1),
            "sqrt" => (Self::Sqrt, 1),
            "cos" => (Self::Cos, 1),
            "sin" => (Self::Sin, 1),
            "tan" => (Self::Tan, 1),
            "acos" => (Self::Acos, 1),
            "asin" => (Self::Asin, 1),
            "atan" => (Self::Atan, 1),
            "radians" => (Self::Radians, 1),
            "degrees" => (Self::Degrees, 1),
            "sign" => (Self::Sign, 1),
            "floor" => (Self::Floor, 1),
            "ceil" => (Self::Ceil, 1),
            "round" => (Self::Round, 1),
            "exp" => (Self::Exp, 1),
            "exp2" => (Self::Exp2, 1),
            "log" => (Self::Log, 1),
            "log2" => (Self::Log2, 1),
            "fract" => (Self::Fract, 1),
            "length" => (Self::Length, 1),
            "normalize" => (Self::Normalize, 1),
            "atan2" => (Self::Atan2, 2),
            "pow" => (Self::Pow, 2),
            "min" => (Self::Min, 2),
            "max" => (Self::Max, 2),
            "distance" => (Self::Distance, 2),
            "dot" => (Self::Dot, 2),
            "cross" => (Self::Cross, 2),
            "clamp" => (Self::Clamp, 3),
            "mix" => (Self::Mix, 3),
            _ => return None,
        })
    }

    /// A conversion or a question about a value, and what it answers without one.
    pub(super) fn conversion(name: &str) -> Option<(Self, StyleValue<'static>)> {
        Some(match name {
            "Boolean" => (Self::Boolean, StyleValue::Boolean(false)),
            "Number" => (Self::Number, StyleValue::Number(0.0)),
            "String" => (Self::String, StyleValue::Text("".into())),
            "isNaN" => (Self::IsNan, StyleValue::Boolean(true)),
            "isFinite" => (Self::IsFinite, StyleValue::Boolean(false)),
            _ => return None,
        })
    }
}

impl Op {
    /// The nodes that it is made of.
    pub(super) fn parts(&self) -> Vec<NodeId> {
        match self {
            Self::Constant(_) | Self::Property(_) | Self::ClassName | Self::Time => Vec::new(),
            Self::NamedProperty(a)
            | Self::Not(a)
            | Self::Negative(a)
            | Self::Positive(a)
            | Self::ToString(a)
            | Self::IsExactClass(a)
            | Self::IsClass(a) => vec![*a],
            Self::Binary(_, a, b) | Self::Member(a, b) | Self::Test(a, b) | Self::Exec(a, b) => vec![*a, *b],
            Self::RegExp(a, b) => std::iter::once(*a).chain(*b).collect(),
            Self::Conditional(a, b, c) => vec![*a, *b, *c],
            Self::Template(parts)
            | Self::Array(parts)
            | Self::And(parts)
            | Self::Or(parts)
            | Self::Vector(_, parts)
            | Self::Color(_, parts)
            | Self::Call(_, parts) => parts.clone(),
        }
    }

    /// Whether it asks for the feature or the time itself, not only through its parts.
    pub(super) fn asks_outside(&self) -> bool {
        matches!(
            self,
            Self::Property(_)
                | Self::NamedProperty(_)
                | Self::IsExactClass(_)
                | Self::IsClass(_)
                | Self::ClassName
                | Self::Time
        )
    }
}
