//! From the text of an expression to nodes of a [`Program`]: a recursive descent with a bound on everything that a
//! text can make large.

use super::StyleLimits;
use super::evaluate::constant;
use super::lexer::{Fault, Lexer, Spot};
use super::program::{Binary, Color, Function, Node, NodeId, Op, Program};
use super::value::StyleValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Reads one expression into a program.
pub(super) struct Parser<'a> {
    lexer: Lexer<'a>,
    program: &'a mut Program,
    source: u32,
    /// What `${name}` stands for, before features are asked.
    defines: &'a BTreeMap<String, NodeId>,
    limits: &'a StyleLimits,
    depth: u32,
}

type Parsed = Result<NodeId, Fault>;

/// Binary operators by how tightly they bind, loosest first; `&&` and `||` are looser than all of them.
const LEVELS: [&[(&str, Binary)]; 4] = [
    &[("===", Binary::Equal), ("!==", Binary::NotEqual), ("=~", Binary::Match), ("!~", Binary::NotMatch)],
    &[("<=", Binary::LessOrEqual), (">=", Binary::GreaterOrEqual), ("<", Binary::Less), (">", Binary::Greater)],
    &[("+", Binary::Add), ("-", Binary::Subtract)],
    &[("*", Binary::Multiply), ("/", Binary::Divide), ("%", Binary::Remainder)],
];

impl<'a> Parser<'a> {
    /// Reads a whole text, which is the program's newest source.
    pub(super) fn parse(
        text: &'a str,
        program: &'a mut Program,
        defines: &'a BTreeMap<String, NodeId>,
        limits: &'a StyleLimits,
    ) -> Parsed {
        let source = program.sources.len().saturating_sub(1) as u32;
        let mut parser = Parser { lexer: Lexer::new(text), program, source, defines, limits, depth: 0 };
        let node = parser.expression()?;
        let spot = parser.lexer.spot();
        if parser.lexer.at_end() { Ok(node) } else { Err(parser.lexer.unexpected(spot)) }
    }

    fn expression(&mut self) -> Parsed {
        self.deeper(Self::conditional)
    }

    /// Every recursion passes through here.
    fn deeper(&mut self, read: fn(&mut Self) -> Parsed) -> Parsed {
        if self.depth >= self.limits.max_depth {
            return Err(self.lexer.spot().over_limit(format!("nested more than {} deep", self.limits.max_depth)));
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    fn conditional(&mut self) -> Parsed {
        let test = self.any()?;
        let spot = self.lexer.spot();
        if !self.lexer.take("?") {
            return Ok(test);
        }
        let then = self.expression()?;
        self.lexer.expect(":")?;
        let otherwise = self.expression()?;
        self.add(Op::Conditional(test, then, otherwise), spot)
    }

    fn any(&mut self) -> Parsed {
        self.chain("||", Self::all, Op::Or)
    }

    fn all(&mut self) -> Parsed {
        self.chain("&&", |parser| parser.binary(0), Op::And)
    }

    fn chain(&mut self, sign: &str, part: fn(&mut Self) -> Parsed, op: fn(Vec<NodeId>) -> Op) -> Parsed {
        let first = part(self)?;
        let spot = self.lexer.spot();
        let mut parts = vec![first];
        while self.lexer.take(sign) {
            parts.push(part(self)?);
        }
        if parts.len() == 1 { Ok(first) } else { self.add(op(parts), spot) }
    }

    /// Operators of a level, from the left, between those of the next.
    fn binary(&mut self, level: usize) -> Parsed {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        loop {
            let spot = self.lexer.spot();
            let Some((_, op)) = operators.iter().find(|(sign, _)| self.lexer.take(sign)) else { return Ok(left) };
            let right = self.binary(level + 1)?;
            left = self.add(Op::Binary(*op, left, right), spot)?;
        }
    }

    fn unary(&mut self) -> Parsed {
        let spot = self.lexer.spot();
        let op: fn(NodeId) -> Op = match () {
            () if self.lexer.take("!") => Op::Not,
            () if self.lexer.take("-") => Op::Negative,
            () if self.lexer.take("+") => Op::Positive,
            () => return self.postfix(),
        };
        let operand = self.deeper(Self::unary)?;
        self.add(op(operand), spot)
    }

    fn postfix(&mut self) -> Parsed {
        let spot = self.lexer.spot();
        let (mut node, mut is_feature) = self.primary()?;
        loop {
            let member = if self.lexer.take(".") {
                let (name, name_spot) = self.lexer.identifier()?;
                if self.lexer.take("(") {
                    node = self.method(node, name, name_spot)?;
                    is_feature = false;
                    continue;
                }
                self.constant(StyleValue::Text(Cow::Owned(name.to_owned())), name_spot)?
            } else if self.lexer.take("[") {
                let member = self.expression()?;
                self.lexer.expect("]")?;
                member
            } else {
                return Ok(node);
            };
            node = if is_feature { self.property_of_feature(member, spot)? } else { self.member(node, member, spot)? };
            is_feature = false;
        }
    }

    fn member(&mut self, node: NodeId, member: NodeId, spot: Spot) -> Parsed {
        self.add(Op::Member(node, member), spot)
    }

    /// `${feature}.name` and `${feature}['name']`.
    fn property_of_feature(&mut self, member: NodeId, spot: Spot) -> Parsed {
        match &self.program.nodes[member as usize].op {
            Op::Constant(StyleValue::Text(name)) => {
                let name = name.to_string();
                self.property(&name, spot)
            }
            _ => self.add(Op::NamedProperty(member), spot),
        }
    }

    fn property(&mut self, name: &str, spot: Spot) -> Parsed {
        let names = &mut self.program.names;
        let index = names.iter().position(|other| other == name).unwrap_or_else(|| {
            names.push(name.to_owned());
            names.len() - 1
        });
        self.add(Op::Property(index as u32), spot)
    }

    fn method(&mut self, object: NodeId, name: &str, spot: Spot) -> Parsed {
        let arguments = self.arguments()?;
        match (name, arguments.first()) {
            ("test", None) => self.constant(StyleValue::Boolean(false), spot),
            ("exec", None) => self.constant(StyleValue::Null, spot),
            ("test", Some(text)) => self.add(Op::Test(object, *text), spot),
            ("exec", Some(text)) => self.add(Op::Exec(object, *text), spot),
            ("toString", _) => self.add(Op::ToString(object), spot),
            _ => Err(spot.fault(format!("there is no method \"{name}\""))),
        }
    }

    /// What stands between `(`, which is behind us, and `)`.
    fn arguments(&mut self) -> Result<Vec<NodeId>, Fault> {
        self.list(")")
    }

    fn list(&mut self, end: &str) -> Result<Vec<NodeId>, Fault> {
        let mut items = Vec::new();
        if self.lexer.take(end) {
            return Ok(items);
        }
        loop {
            items.push(self.expression()?);
            if !self.lexer.take(",") {
                self.lexer.expect(end)?;
                return Ok(items);
            }
        }
    }

    /// A node, and whether it is `${feature}`, whose members are properties.
    fn primary(&mut self) -> Result<(NodeId, bool), Fault> {
        let spot = self.lexer.spot();
        if self.lexer.take("${") {
            return self.variable(spot);
        }
        let node = if self.lexer.take("(") {
            let node = self.expression()?;
            self.lexer.expect(")")?;
            node
        } else if self.lexer.take("[") {
            let items = self.list("]")?;
            self.add(Op::Array(items), spot)?
        } else if let Some(number) = self.lexer.number()? {
            self.constant(StyleValue::Number(number), spot)?
        } else if let Some(text) = self.lexer.quoted()? {
            self.text(text, spot)?
        } else {
            let (name, spot) = self.lexer.identifier()?;
            if self.lexer.take("(") { self.function(name, spot)? } else { self.word(name, spot)? }
        };
        Ok((node, false))
    }

    /// What follows `${`: a path of names, or a name of any other characters.
    fn variable(&mut self, spot: Spot) -> Result<(NodeId, bool), Fault> {
        let Some(name) = self.lexer.path_start() else {
            let name = self.lexer.raw_name(spot)?;
            return Ok((self.named(name, true, spot)?, false));
        };
        let is_whole = self.lexer.take("}");
        // The feature itself is no value; only its members are.
        let mut is_feature = name == "feature" && !(is_whole && !self.lexer.is_next(".") && !self.lexer.is_next("["));
        let mut node = match is_feature {
            true => self.constant(StyleValue::Undefined, spot)?,
            false => self.named(name, is_whole, spot)?,
        };
        if is_whole {
            return Ok((node, is_feature));
        }
        loop {
            let member = if self.lexer.take("}") {
                return Ok((node, is_feature));
            } else if self.lexer.take(".") {
                let (name, spot) = self.lexer.identifier()?;
                self.constant(StyleValue::Text(Cow::Owned(name.to_owned())), spot)?
            } else {
                self.lexer.expect("[")?;
                let member = self.expression()?;
                self.lexer.expect("]")?;
                member
            };
            node = if is_feature { self.property_of_feature(member, spot)? } else { self.member(node, member, spot)? };
            is_feature = false;
        }
    }

    /// What a name in `${…}` stands for. A define stands for itself only where the name stands alone.
    fn named(&mut self, name: &str, is_whole: bool, spot: Spot) -> Parsed {
        if let Some(define) = self.defines.get(name).filter(|_| is_whole) {
            return Ok(*define);
        }
        match name.strip_prefix("tiles3d_") {
            Some("tileset_time") => self.add(Op::Time, spot),
            Some(_) => Err(spot.fault(format!("there is no built-in variable \"{name}\""))),
            None => self.property(name, spot),
        }
    }

    /// A quoted text; `${…}` in it is replaced by values.
    fn text(&mut self, text: &'a str, spot: Spot) -> Parsed {
        let literal =
            |parser: &mut Self, text: &str| parser.constant(StyleValue::Text(Cow::Owned(text.to_owned())), spot);
        if !text.contains("${") {
            return literal(self, text);
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, after)) = after.split_once('}') else { break };
            parts.push(literal(self, before)?);
            let outer = std::mem::replace(
                &mut self.lexer,
                Lexer::within(&text[text.len() - after.len() - name.len() - 1..], spot),
            );
            let value = self.variable(spot);
            self.lexer = outer;
            parts.push(value?.0);
            rest = after;
        }
        parts.push(literal(self, rest)?);
        self.add(Op::Template(parts), spot)
    }

    /// A word that is neither quoted nor called.
    fn word(&mut self, name: &str, spot: Spot) -> Parsed {
        use std::f64::consts;
        let value = match name {
            "true" => StyleValue::Boolean(true),
            "false" => StyleValue::Boolean(false),
            "null" => StyleValue::Null,
            "undefined" => StyleValue::Undefined,
            "NaN" => StyleValue::Number(f64::NAN),
            "Infinity" => StyleValue::Number(f64::INFINITY),
            "Math" | "Number" => {
                self.lexer.expect(".")?;
                let (member, spot) = self.lexer.identifier()?;
                StyleValue::Number(match (name, member) {
                    ("Math", "PI") => consts::PI,
                    ("Math", "E") => consts::E,
                    ("Math", "LN2") => consts::LN_2,
                    ("Math", "LN10") => consts::LN_10,
                    ("Math", "LOG2E") => consts::LOG2_E,
                    ("Math", "LOG10E") => consts::LOG10_E,
                    ("Math", "SQRT1_2") => consts::FRAC_1_SQRT_2,
                    ("Math", "SQRT2") => consts::SQRT_2,
                    ("Number", "POSITIVE_INFINITY") => f64::INFINITY,
                    ("Number", "NEGATIVE_INFINITY") => f64::NEG_INFINITY,
                    _ => return Err(spot.fault(format!("there is no constant \"{name}.{member}\""))),
                })
            }
            _ => return Err(spot.fault(format!("\"{name}\" is not defined; a property is written ${{{name}}}"))),
        };
        self.constant(value, spot)
    }

    /// A function's name is read and its `(` too.
    fn function(&mut self, name: &str, spot: Spot) -> Parsed {
        let arguments = self.arguments()?;
        let count = arguments.len();
        let exactly = |wanted: usize| {
            let plural = if wanted == 1 { "" } else { "s" };
            spot.fault(format!("{name} takes {wanted} value{plural}, not {count}"))
        };
        if let Some((function, wanted)) = Function::named(name) {
            return if count == wanted { self.add(Op::Call(function, arguments), spot) } else { Err(exactly(wanted)) };
        }
        if let Some((function, without)) = Function::conversion(name) {
            return match arguments.first() {
                Some(value) => self.add(Op::Call(function, vec![*value]), spot),
                None => self.constant(without, spot),
            };
        }
        let op = match (name, arguments.as_slice()) {
            ("color", _) if count <= 2 => Op::Color(Color::Css, arguments),
            ("rgb", _) if count == 3 => Op::Color(Color::Rgb, arguments),
            ("rgba", _) if count == 4 => Op::Color(Color::Rgb, arguments),
            ("hsl", _) if count == 3 => Op::Color(Color::Hsl, arguments),
            ("hsla", _) if count == 4 => Op::Color(Color::Hsl, arguments),
            ("vec2" | "vec3" | "vec4", _) => Op::Vector(name.as_bytes()[3] - b'0', arguments),
            ("regExp", []) => return self.regexp(spot),
            ("regExp", [pattern]) => Op::RegExp(*pattern, None),
            ("regExp", [pattern, flags, ..]) => Op::RegExp(*pattern, Some(*flags)),
            ("isExactClass", [class]) => Op::IsExactClass(*class),
            ("isClass", [class]) => Op::IsClass(*class),
            ("getExactClassName", []) => Op::ClassName,
            ("color", _) => return Err(spot.fault(format!("color takes at most 2 values, not {count}"))),
            ("rgb" | "hsl", _) => return Err(exactly(3)),
            ("rgba" | "hsla", _) => return Err(exactly(4)),
            ("isExactClass" | "isClass", _) => return Err(exactly(1)),
            ("getExactClassName", _) => return Err(exactly(0)),
            _ => return Err(spot.fault(format!("there is no function \"{name}\""))),
        };
        self.add(op, spot)
    }

    /// `regExp()` matches anything.
    fn regexp(&mut self, spot: Spot) -> Parsed {
        let pattern = self.constant(StyleValue::Text(Cow::Borrowed("")), spot)?;
        self.add(Op::RegExp(pattern, None), spot)
    }

    fn constant(&mut self, value: StyleValue<'static>, spot: Spot) -> Parsed {
        self.add(Op::Constant(value), spot)
    }

    /// Appends a node; one that no feature changes is calculated here and now.
    fn add(&mut self, op: Op, spot: Spot) -> Parsed {
        let (mut height, mut cost) = (0, 1_u32);
        let mut is_constant = !op.asks_outside() && !matches!(op, Op::Constant(_));
        for part in op.parts() {
            let part = &self.program.nodes[part as usize];
            height = height.max(part.height);
            cost = cost.saturating_add(part.cost);
            is_constant &= matches!(part.op, Op::Constant(_));
        }
        height += 1;
        if height > self.limits.max_height || cost > self.limits.max_cost {
            return Err(spot.over_limit("the expression is too large".into()));
        }
        if self.program.nodes.len() as u64 >= u64::from(self.limits.max_cost) {
            return Err(spot.over_limit("the style is too large".into()));
        }
        let is_regexp = matches!(op, Op::RegExp(..));
        let id = self.program.nodes.len() as NodeId;
        self.program.nodes.push(Node { op, source: self.source, column: spot.column(), height, cost });
        if is_constant {
            match constant(self.program, id) {
                Ok(value) => {
                    let node = &mut self.program.nodes[id as usize];
                    (node.op, node.height, node.cost) = (Op::Constant(value), 1, 1);
                }
                // A pattern that is none will never be one. Any other fault may stand where it is never reached.
                Err(message) if is_regexp => return Err(spot.fault(message)),
                Err(_) => {}
            }
        }
        Ok(id)
    }
}
