using System.Text.Json;
using System.Text.Json.Nodes;
using Coppice.Constraints;
using Coppice.Text;

namespace Coppice;

/// <summary>Holds the calls of an answer to their functions' schemas, in the form that the model's template writes.</summary>
internal static class CallConstraint
{
    private const string AnyObject = """{"type": "object"}""";
    private const string NoArguments = """{"type": "object", "additionalProperties": false}""";
    private const string ObjectStart = "{\"name\": \"";

    private static readonly SchemaOptions Options = new() { WhiteSpace = WhiteSpace.Spaced, PlainIntegers = true, Lenient = true };

    /// <summary>Whether calls of this form can be held to schemas.</summary>
    public static bool Covers(CallSyntax syntax) =>
        syntax.Body is CallBody.Object or CallBody.List or CallBody.KeyedList or CallBody.Named;

    /// <summary>What makes the constraint of a request; null where there is nothing to hold to.</summary>
    /// <param name="syntax">How calls are written.</param>
    /// <param name="request">The request, with at least one tool.</param>
    /// <param name="close">The mark after which it holds, because the model reasons first; null for none.</param>
    /// <exception cref="ArgumentException">The model writes calls in a form that cannot be enforced as the request asks.</exception>
    public static Func<TokenVocabulary, ITokenConstraint>? Of(CallSyntax syntax, ChatRequest request, string? close)
    {
        var tools = request.Tools.Where(tool => request.ToolChoice.Name is null || tool.Name == request.ToolChoice.Name).ToArray();
        var schema = request.Generation.Schema;
        if (!Covers(syntax))
        {
            if (request.ToolChoice.IsRequired || schema is not null)
                throw new ArgumentException(
                    $"chat: this model writes calls after {syntax.Sign}, where neither a call nor a schema beside calls can be enforced "
                    + "(set ToolChoice to Auto without a schema).", nameof(request));
            return null;
        }
        if (request.ToolChoice.IsRequired)
        {
            var required = Frame(syntax, tools, request.AllowParallelCalls, "");
            return vocabulary => Start(required.Compile(vocabulary, Options), close);
        }
        if (schema is not null)
        {
            if (syntax.OpensAtStart)
                throw new ArgumentException(
                    "chat: this model begins a call as it begins JSON, so a schema and tools that may be called cannot hold at once (set "
                    + "ToolChoice to None or Required).", nameof(request));
            var either = Frame(syntax, tools, request.AllowParallelCalls, "") with { Alternative = schema };
            return vocabulary => Start(either.Compile(vocabulary, request.Generation.SchemaOptions), close);
        }
        if (tools.All(tool => !tool.IsStrict)) return null;
        var opener = syntax.OpensAtStart ? ObjectStart : syntax.Openers[0];
        var frame = Frame(syntax, tools, request.AllowParallelCalls, opener);
        return vocabulary => new TriggeredConstraint(frame.Compile(vocabulary, Options), opener);
    }

    private static ITokenConstraint Start(CompiledGrammar grammar, string? close) =>
        close is null ? grammar.CreateConstraint() : new TriggeredConstraint(grammar, close);

    private static FramedValues Frame(CallSyntax syntax, IReadOnlyList<ChatTool> tools, bool repeats, string opener)
    {
        var isList = syntax.Body is CallBody.List or CallBody.KeyedList;
        var values = tools.Select(tool => Value(syntax, tool)).ToArray();
        var open = syntax.SectionOpen + (isList ? "[" : "");
        if (open.Length > 0) open = open[opener.Length..];
        else if (opener.Length > 0) values = [.. values.Select(value => value with { Before = value.Before[opener.Length..] })];
        // What was cut from the first call stands before the others.
        var separator = isList ? ", " : syntax.Separator + (syntax.SectionOpen.Length == 0 ? opener : "");
        return new FramedValues
        {
            Open = open,
            Values = values,
            Separator = separator,
            Close = (isList ? "]" : "") + syntax.SectionClose,
            // Without anything between them two bare objects cannot be told from one with text after it.
            Repeats = repeats && !syntax.OpensAtStart,
            Tokens = [.. syntax.Marks],
        };
    }

    private static FramedValue Value(CallSyntax syntax, ChatTool tool)
    {
        var schema = tool.IsStrict && tool.Parameters is { } parameters ? ObjectSchema(parameters) : tool.IsStrict ? NoArguments
            : AnyObject;
        return syntax.Body switch
        {
            CallBody.Named => new FramedValue(syntax.CallOpen + tool.Name + syntax.NameEnd, schema, syntax.CallClose),
            CallBody.KeyedList => new FramedValue($"{{\"{tool.Name}\": ", schema, "}"),
            _ => new FramedValue($"{syntax.CallOpen}{ObjectStart}{tool.Name}\", \"{syntax.ArgumentsKey}\": ", schema, "}"
                + syntax.CallClose),
        };
    }

    /// <summary>The schema, which must allow objects alone; members that it does not name are not allowed unless it says so.</summary>
    private static string ObjectSchema(JsonElement parameters)
    {
        var schema = JsonObject.Create(parameters)!;
        if (!schema.ContainsKey("type")) schema["type"] = "object";
        var combines = schema.ContainsKey("$ref") || schema.ContainsKey("allOf") || schema.ContainsKey("anyOf")
            || schema.ContainsKey("oneOf")
            || schema.ContainsKey("patternProperties");
        if (!combines && !schema.ContainsKey("additionalProperties")) schema["additionalProperties"] = false;
        return schema.ToJsonString();
    }
}
