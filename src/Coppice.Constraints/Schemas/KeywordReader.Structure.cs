using System.Text.Json;

namespace Coppice.Constraints.Schemas;

/// <content>Keywords of objects and lists, and those that apply other schemas.</content>
internal sealed partial class KeywordReader
{
    private void ReadObject()
    {
        var spec = new ObjectSpec(compiler.NextId());
        var isUsed = false;
        if (Map("properties") is { } properties)
            foreach (var (name, child) in properties)
            {
                spec.Properties[name] = child;
                isUsed = true;
            }
        if (Map("patternProperties") is { } patterns)
            foreach (var (pattern, child) in patterns)
            {
                if (Language("patternProperties", pattern) is not { } language) continue;
                spec.Patterns.Add((language, child));
                isUsed = true;
            }
        if (Has("additionalProperties", out var additional))
        {
            spec.Additional = Child("additionalProperties", additional);
            node.LooksAtAdditional = true;
            isUsed = true;
        }
        if (Has("required", out var required)
            && !(required.ValueKind is JsonValueKind.True or JsonValueKind.False && _schema.TryGetProperty("type", out _)))
        {
            if (required.ValueKind != JsonValueKind.Array || required.EnumerateArray().Any(name => name.ValueKind != JsonValueKind.String))
                throw Wrong("required", "a list of names", required);
            spec.Required = [.. required.EnumerateArray().Select(name => name.GetString()!).Distinct(StringComparer.Ordinal)];
            isUsed |= spec.Required.Length > 0;
        }
        else if (Has("required", out required))
        {
            compiler.Skip(place, "required", "a boolean has no meaning since draft 04", isAssertion: false);
        }
        if (Count("minProperties") is { } least)
        {
            spec.Least = least;
            isUsed = true;
        }
        if (Count("maxProperties") is { } most)
        {
            spec.Most = most;
            isUsed = true;
        }
        if (_dialect >= SchemaDialect.Draft6 && Has("propertyNames", out var names))
        {
            spec.Names = Child("propertyNames", names);
            isUsed = true;
        }
        if (isUsed) node.Object = spec;
        ReadDependencies();
        if (_dialect >= SchemaDialect.Draft201909 && Has("unevaluatedProperties", out var rest))
            node.UnevaluatedProperties = Child("unevaluatedProperties", rest);
    }

    private void ReadDependencies()
    {
        // Later drafts keep "dependencies" as an option, and schemas without a draft are full of it.
        if (Has("dependencies", out var both) && both.ValueKind == JsonValueKind.Object) ReadDependent("dependencies", both);
        if (_dialect < SchemaDialect.Draft201909) return;
        if (Has("dependentRequired", out var required)) ReadDependent("dependentRequired", required);
        if (Has("dependentSchemas", out var schemas)) ReadDependent("dependentSchemas", schemas);
    }

    private void ReadDependent(string keyword, JsonElement map)
    {
        if (map.ValueKind != JsonValueKind.Object) throw Wrong(keyword, "an object", map);
        var inside = place.At(keyword, map);
        foreach (var member in map.EnumerateObject())
        {
            var value = member.Value;
            if (value.ValueKind == JsonValueKind.Array)
                node.Dependent.Add((member.Name, [.. value.EnumerateArray().Select(name => name.GetString()!)], null));
            else if (value.ValueKind == JsonValueKind.String) node.Dependent.Add((member.Name, [value.GetString()!], null));
            else node.Dependent.Add((member.Name, [], compiler.Node(inside.At(member.Name, value), scope)));
        }
    }

    private void ReadArray()
    {
        var spec = new ArraySpec(compiler.NextId());
        var isUsed = false;
        var isTuple = Has("items", out var items) && items.ValueKind == JsonValueKind.Array;
        if (_dialect == SchemaDialect.Draft202012 && Has("prefixItems", out var first)) spec.First = List("prefixItems", first);
        else if (isTuple) spec.First = List("items", items);
        if (items.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Array)) spec.Rest = Child("items", items);
        else if (isTuple && Has("additionalItems", out var additional)) spec.Rest = Child("additionalItems", additional);
        if (spec.First.Length > 0 || spec.Rest is not null) isUsed = true;
        node.LooksAtFirst = spec.Rest is not null ? int.MaxValue : spec.First.Length;
        if (Count("minItems") is { } least)
        {
            spec.Least = least;
            isUsed = true;
        }
        if (Count("maxItems") is { } most)
        {
            spec.Most = most;
            isUsed = true;
        }
        if (isUsed) node.Array = spec;
        node.UniqueItems = IsTrue("uniqueItems");
        if (_dialect >= SchemaDialect.Draft6 && Has("contains", out var contains))
        {
            var counts = _dialect >= SchemaDialect.Draft201909;
            var minimum = counts ? Count("minContains") ?? 1 : 1;
            var maximum = counts ? Count("maxContains") ?? int.MaxValue : int.MaxValue;
            node.Contains = new ContainsSpec(compiler.NextId(), Child("contains", contains), minimum, maximum);
            node.ContainsLooks = _dialect >= SchemaDialect.Draft202012;
        }
        if (_dialect >= SchemaDialect.Draft201909 && Has("unevaluatedItems", out var rest))
            node.UnevaluatedItems = Child("unevaluatedItems", rest);
    }

    private void ReadApplicators()
    {
        if (Has("allOf", out var all)) node.All.AddRange(List("allOf", all));
        if (Has("anyOf", out var any)) node.Any.Add(List("anyOf", any));
        if (Has("oneOf", out var one)) node.One.Add(List("oneOf", one));
        if (Has("not", out var not)) node.Not = Child("not", not);
        if (_dialect < SchemaDialect.Draft7 || !Has("if", out var condition)) return;
        node.If = Child("if", condition);
        if (Has("then", out var then)) node.Then = Child("then", then);
        if (Has("else", out var otherwise)) node.Else = Child("else", otherwise);
    }

    private SchemaNode[] List(string keyword, JsonElement list)
    {
        if (list.ValueKind != JsonValueKind.Array) throw Wrong(keyword, "a list of schemas", list);
        return [.. list.EnumerateArray().Select((schema, index) => compiler.Node(place.At(keyword, index, schema), scope))];
    }

    private List<(string Name, SchemaNode Schema)>? Map(string keyword)
    {
        if (!Has(keyword, out var map)) return null;
        if (map.ValueKind != JsonValueKind.Object) throw Wrong(keyword, "an object", map);
        var inside = place.At(keyword, map);
        return [.. map.EnumerateObject().Select(member => (member.Name, compiler.Node(inside.At(member.Name, member.Value), scope)))];
    }
}
