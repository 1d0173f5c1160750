using System.Text.Json;

namespace Coppice.Constraints.Schemas;

/// <summary>Reads the keywords of one schema by the rules of its draft.</summary>
internal sealed partial class KeywordReader(SchemaCompiler compiler, SchemaPlace place, DynamicScope scope, SchemaNode node)
{
    private readonly JsonElement _schema = place.Element;
    private readonly SchemaDialect _dialect = place.Resource.Dialect;

    /// <summary>Fills the node.</summary>
    /// <exception cref="ConstraintException">A keyword has a value that it cannot have, or cannot be enforced.</exception>
    public void Read()
    {
        switch (_schema.ValueKind)
        {
            case JsonValueKind.True or JsonValueKind.False:
                node.Boolean = _schema.ValueKind == JsonValueKind.True;
                return;
            case JsonValueKind.Object: break;
            default: throw Wrong("a schema", "an object or a boolean", _schema);
        }
        if (_dialect <= SchemaDialect.Draft7 && _schema.TryGetProperty("$ref", out var only))
        {
            // Up to draft 07 nothing beside a reference counts.
            Reference("$ref", only);
            return;
        }
        ReadReferences();
        ReadTypes();
        ReadNumbers();
        ReadStrings();
        ReadObject();
        ReadArray();
        ReadApplicators();
    }

    private void ReadReferences()
    {
        if (Has("$ref", out var reference)) Reference("$ref", reference);
        if (_dialect == SchemaDialect.Draft202012 && Has("$dynamicRef", out var dynamic)) Dynamic(dynamic);
        if (_dialect == SchemaDialect.Draft201909 && Has("$recursiveRef", out var recursive)) Recursive(recursive);
    }

    private void Reference(string keyword, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.String) throw Wrong(keyword, "a string", value);
        if (compiler.Registry.Find(place, value.GetString()!) is { } target) node.All.Add(compiler.Node(target, scope));
        else compiler.Skip(place, keyword, $"\"{value.GetString()}\" is in no document that is known, and nothing is fetched",
            isAssertion: true);
    }

    private void Dynamic(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.String) throw Wrong("$dynamicRef", "a string", value);
        var reference = value.GetString()!;
        if (compiler.Registry.Find(place, reference) is not { } target)
        {
            compiler.Skip(place, "$dynamicRef", $"\"{reference}\" is in no document that is known", isAssertion: true);
            return;
        }
        var name = reference[(reference.IndexOf('#', StringComparison.Ordinal) + 1)..];
        // Where the first target is a dynamic anchor, the outermost one of that name is meant.
        if (target.Resource.DynamicAnchors.Contains(name) && target.Element.TryGetProperty("$dynamicAnchor", out _)
            && scope.Within(target.Resource).Outermost(name) is { } outermost) target = outermost.Anchors[name];
        node.All.Add(compiler.Node(target, scope));
    }

    private void Recursive(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.String || compiler.Registry.Find(place, value.GetString()!) is not { } target)
            throw Wrong("$recursiveRef", "\"#\"", value);
        if (target.Resource.DynamicAnchors.Contains("") && target.Resource.Root.Equals(target.Element) is var _
            && scope.Outermost("") is { } outermost)
            target = new SchemaPlace(outermost.Root, outermost, outermost.Pointer);
        node.All.Add(compiler.Node(target, scope));
    }

    private void ReadTypes()
    {
        if (Has("type", out var type)) ReadType(type);
        JsonElement[]? values = null;
        if (Has("enum", out var list))
            values = list.ValueKind == JsonValueKind.Array ? [.. list.EnumerateArray()] : throw Wrong("enum", "a list", list);
        if (_dialect >= SchemaDialect.Draft6 && Has("const", out var constant))
        {
            if (values is null) values = [constant];
            else
            {
                var also = compiler.Synthetic($"{place.Pointer}/const");
                also.Values = compiler.Formulas.Values([CanonicalJson.Of(constant)]);
                node.All.Add(also);
            }
        }
        if (values is not null) node.Values = compiler.Formulas.Values(values.Select(CanonicalJson.Of));
    }

    private void ReadType(JsonElement type)
    {
        var names = type.ValueKind switch
        {
            JsonValueKind.String => [type],
            JsonValueKind.Array => type.EnumerateArray().ToArray(),
            _ => throw Wrong("type", "a name or a list of names", type),
        };
        var (kinds, integer) = (0, false);
        foreach (var name in names)
        {
            if (name.ValueKind != JsonValueKind.String) throw Wrong("type", "a name or a list of names", type);
            switch (name.GetString())
            {
                case "null": kinds |= 1 << (int)ValueKind.Null; break;
                case "boolean": kinds |= (1 << (int)ValueKind.False) | (1 << (int)ValueKind.True); break;
                case "number": kinds |= 1 << (int)ValueKind.Number; break;
                case "string": kinds |= 1 << (int)ValueKind.String; break;
                case "object": kinds |= 1 << (int)ValueKind.Object; break;
                case "array": kinds |= 1 << (int)ValueKind.Array; break;
                case "integer": integer = true; break;
                case "any" when _dialect == SchemaDialect.Draft4: kinds = 0x7F; break;
                default: throw Wrong("type", "null, boolean, integer, number, string, object or array", name);
            }
        }
        const int number = 1 << (int)ValueKind.Number;
        if (integer && (kinds & number) == 0)
        {
            kinds |= number;
            node.Number = (node.Number ?? new NumberSpec()) with { Integer = true };
        }
        node.Kinds = kinds;
    }

    private void ReadNumbers()
    {
        var spec = node.Number ?? new NumberSpec();
        if (Number("minimum") is { } least)
            spec = spec with { Least = least, AboveLeast = _dialect == SchemaDialect.Draft4 && IsTrue("exclusiveMinimum") };
        if (Number("maximum") is { } most)
            spec = spec with { Most = most, BelowMost = _dialect == SchemaDialect.Draft4 && IsTrue("exclusiveMaximum") };
        if (_dialect != SchemaDialect.Draft4)
        {
            if (Number("exclusiveMinimum") is { } above && (spec.Least is not { } low || above.CompareTo(low) >= 0))
                spec = spec with { Least = above, AboveLeast = true };
            if (Number("exclusiveMaximum") is { } below && (spec.Most is not { } high || below.CompareTo(high) <= 0))
                spec = spec with { Most = below, BelowMost = true };
        }
        if (Number("multipleOf") is { } step)
        {
            if (step.Mantissa.Sign <= 0) throw Wrong("multipleOf", "above zero", _schema.GetProperty("multipleOf"));
            spec = spec with { Step = step };
        }
        if (spec != new NumberSpec()) node.Number = spec;
    }

    private void ReadStrings()
    {
        if (Count("minLength") is { } least) node.LeastLength = least;
        if (Count("maxLength") is { } most) node.MostLength = most;
        if (Has("pattern", out var pattern))
        {
            if (pattern.ValueKind != JsonValueKind.String) throw Wrong("pattern", "a string", pattern);
            if (Language("pattern", pattern.GetString()!) is { } language) node.Texts.Add(language);
        }
        if (Has("format", out var format) && format.ValueKind == JsonValueKind.String) ReadFormat(format.GetString()!);
    }

    private void ReadFormat(string name)
    {
        if (!compiler.Options.AssertFormats)
        {
            compiler.Skip(place, "format", "formats are taken as annotations", isAssertion: false);
            return;
        }
        if (Formats.Find(name, compiler.Automata) is { } language) node.Texts.Add(language);
        else compiler.Skip(place, "format", $"the format \"{name}\" is not known", isAssertion: false);
    }

    private Languages.TextLanguage? Language(string keyword, string pattern)
    {
        try
        {
            return compiler.Automata.Search(pattern);
        }
        catch (ConstraintException error)
        {
            compiler.Skip(place, keyword, error.Message, isAssertion: true);
            return null;
        }
    }

    private bool Has(string keyword, out JsonElement value) => _schema.TryGetProperty(keyword, out value);

    private bool IsTrue(string keyword) => Has(keyword, out var value) && value.ValueKind == JsonValueKind.True;

    private JsonNumber? Number(string keyword)
    {
        if (!Has(keyword, out var value)) return null;
        if (value.ValueKind == JsonValueKind.Number) return JsonNumber.Parse(value.GetRawText());
        // A schema without a draft may carry the booleans of draft 04; they have no meaning in later ones.
        if (value.ValueKind is JsonValueKind.True or JsonValueKind.False && keyword.StartsWith("exclusive", StringComparison.Ordinal))
        {
            compiler.Skip(place, keyword, "a boolean has no meaning in this draft", isAssertion: false);
            return null;
        }
        throw Wrong(keyword, "a number", value);
    }

    private int? Count(string keyword)
    {
        if (Number(keyword) is not { } number) return null;
        if (!number.IsInteger || number.Mantissa.Sign < 0)
            throw Wrong(keyword, "a whole number of at least 0", _schema.GetProperty(keyword));
        return number.Magnitude > 9 ? int.MaxValue : (int)number.Mantissa * (int)Math.Pow(10, number.Exponent);
    }

    private SchemaNode Child(string keyword, JsonElement schema) => compiler.Node(place.At(keyword, schema), scope);

    private ConstraintException Wrong(string keyword, string must, JsonElement found)
    {
        var text = found.GetRawText();
        return new ConstraintException($"schema at \"{place.Pointer[(place.Pointer.IndexOf('#', StringComparison.Ordinal) + 1)..]}\": "
            + $"{keyword} must be {must}, found {(text.Length > 60 ? text[..60] + "..." : text)}.");
    }
}
