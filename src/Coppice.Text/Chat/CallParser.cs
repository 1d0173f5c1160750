using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Coppice.Text.Templates;

namespace Coppice.Text;

/// <summary>Reads the calls of one answer. What is no call is text; nothing that a model writes makes it fail.</summary>
internal sealed class CallParser(CallSyntax syntax, IReadOnlyCollection<string>? names)
{
    private const string CodeTag = CallSyntax.CodeTag, CodeTool = "python",
        IdLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    private const int IdLength = 9;     // as one family's template demands
    private static readonly string[] MessageEnds = ["<|eom_id|>", "<|eot_id|>"];

    private readonly List<ToolCall> _calls = [];

    /// <summary>An id of letters and digits that no other call has.</summary>
    public static string NewId() => RandomNumberGenerator.GetString(IdLetters, IdLength);

    public IReadOnlyList<ToolCall> Parse(string answer, out string text)
    {
        if (syntax.Body == CallBody.Channels) return ParseChannels(answer, out text);
        var start = Start(answer);
        if (start < 0)
        {
            text = answer;
            return [];
        }
        var rest = answer[start..];
        var found = syntax.OpensAtStart ? TakeUnannounced(ref rest) : TakeSections(ref rest);
        text = found ? answer[..start].TrimEnd() + rest.Trim() : answer;
        return _calls;
    }

    private int Start(string answer)
    {
        var first = syntax.Openers.Select(opener => answer.IndexOf(opener, StringComparison.Ordinal)).Where(at =>
            at >= 0).DefaultIfEmpty(-1).Min();
        if (first >= 0 || !syntax.OpensAtStart) return first;
        var begin = answer.Length - answer.AsSpan().TrimStart().Length;
        return begin < answer.Length && answer[begin] is '{' or '[' ? begin : -1;
    }

    private bool TakeSections(ref string rest)
    {
        var before = _calls.Count;
        var open = syntax.SectionOpen.Trim();
        while (true)
        {
            rest = rest.TrimStart();
            if (open.Length > 0 && rest.StartsWith(open, StringComparison.Ordinal)) rest = rest[open.Length..];
            if (!TakeBody(ref rest)) break;
            Skip(ref rest, syntax.SectionClose);
        }
        return _calls.Count > before;
    }

    private bool TakeBody(ref string rest) => syntax.Body switch
    {
        CallBody.Object => TakeObject(ref rest),
        CallBody.List or CallBody.KeyedList => TakeList(ref rest),
        CallBody.Named => TakeNamed(ref rest),
        CallBody.Braced => TakeBraced(ref rest),
        _ => TakePython(ref rest),
    };

    private bool TakeObject(ref string rest)
    {
        var after = rest;
        if (!Skip(ref after, syntax.CallOpen)) return false;
        // One family's later models write the same tags with the arguments in tags of their own.
        if (after.StartsWith("<function=", StringComparison.Ordinal)) return TakeTagged(ref rest, after);
        if (!TakeJson(ref after, out var json) || !Add(json, isAnnounced: true)) return false;
        Skip(ref after, syntax.CallClose);
        rest = after;
        return true;
    }

    private bool TakeTagged(ref string rest, string after)
    {
        var end = after.IndexOf("</function>", StringComparison.Ordinal);
        var name = after.IndexOf('>', StringComparison.Ordinal);
        if (end < 0 || name < 0 || name > end) return false;
        var arguments = TaggedArguments.ToJson(after[(name + 1)..end]);
        _calls.Add(new ToolCall(NewId(), after["<function=".Length..name].Trim(), arguments));
        after = after[(end + "</function>".Length)..].TrimStart();
        Skip(ref after, syntax.CallClose);
        rest = after;
        return true;
    }

    private bool TakeList(ref string rest)
    {
        var after = rest.TrimStart();
        // Later models of the family with ids write the name as text: name[ARGS]{...} or name{...}.
        if (syntax.WritesIds && after.Length > 0 && after[0] is not ('[' or '{')) return TakeNameThenJson(ref rest, after);
        if (!TakeJson(ref after, out var json)) return false;
        IEnumerable<JsonElement> items = json.ValueKind == JsonValueKind.Array ? json.EnumerateArray() : [json];
        var any = false;
        foreach (var item in items) any |= syntax.Body == CallBody.KeyedList ? AddKeyed(item) : Add(item, isAnnounced: true);
        if (any) rest = after;
        Skip(ref rest, "<|/tool_call|>");
        return any;
    }

    private bool TakeNameThenJson(ref string rest, string after)
    {
        var brace = after.IndexOf('{', StringComparison.Ordinal);
        if (brace < 0) return false;
        var name = after[..brace].Replace("[ARGS]", "", StringComparison.Ordinal).Trim();
        var arguments = after[brace..];
        if (!IsName(name) || !TakeJson(ref arguments, out var json)) return false;
        _calls.Add(new ToolCall(NewId(), name, json.GetRawText()));
        rest = arguments;
        return true;
    }

    private bool TakeNamed(ref string rest)
    {
        var after = rest;
        if (!Skip(ref after, syntax.CallOpen)) return syntax.WritesCode && TakeCode(ref rest);
        var separator = syntax.NameEnd.Trim().TrimStart(':', '0');      // a number of the call may stand there
        var at = after.IndexOf(separator, StringComparison.Ordinal);
        if (at < 0) return false;
        var name = after[..at].Trim();
        var id = NewId();
        if (syntax.NameEnd.StartsWith(':') && name.LastIndexOf(':') is var colon and > 0) (id, name) = ($"functions.{name}", name[..colon]);
        after = after[(at + separator.Length)..];
        var whole = after;
        if (TakeJson(ref after, out var json)) _calls.Add(new ToolCall(id, name, ArgumentsOf(json)));
        else
        {
            // Cut off or malformed: as it stands, so that a host can say what was wrong.
            var end = whole.IndexOf(syntax.CallClose.Trim(), StringComparison.Ordinal);
            _calls.Add(new ToolCall(id, name, (end < 0 ? whole : whole[..end]).Trim()));
            after = end < 0 ? "" : whole[end..];
        }
        Skip(ref after, syntax.CallClose);
        rest = after;
        return true;
    }

    /// <summary>Code after its tag, as it is or in a JSON text: what the function is given is the code itself.</summary>
    private bool TakeCode(ref string rest)
    {
        var code = rest;
        if (!Skip(ref code, CodeTag)) return false;
        code = WithoutEnds(code).Trim();
        if (code.Length == 0) return false;
        var text = code;
        if (TakeJson(ref text, out var json) && text.Length == 0 && JsonInput.Text(json) is { } quoted) code = quoted;
        _calls.Add(new ToolCall(NewId(), CodeTool, code));
        rest = "";
        return true;
    }

    /// <summary>The text without the tokens that end a message with calls.</summary>
    private static string WithoutEnds(string text) =>
        MessageEnds.Aggregate(text, (left, mark) => left.Replace(mark, "", StringComparison.Ordinal));

    private bool TakeBraced(ref string rest)
    {
        var after = rest;
        if (!Skip(ref after, syntax.CallOpen)) return false;
        var brace = after.IndexOf('{', StringComparison.Ordinal);
        var end = after.IndexOf(syntax.CallClose, StringComparison.Ordinal);
        if (brace < 0) return false;
        var arguments = BracedArguments.ToJson(after[brace..(end < brace ? after.Length : end)]);
        _calls.Add(new ToolCall(NewId(), after[..brace].Trim(), arguments));
        rest = end < brace ? "" : after[(end + syntax.CallClose.Length)..];
        return true;
    }

    private bool TakePython(ref string rest)
    {
        var end = syntax.SectionClose.Length > 0 ? rest.IndexOf(syntax.SectionClose.Trim(), StringComparison.Ordinal) : -1;
        var code = end < 0 ? rest : rest[..end];
        if (PythonCalls.Read(code) is not { Count: > 0 } calls) return false;
        foreach (var (name, arguments) in calls) _calls.Add(new ToolCall(NewId(), name, arguments));
        rest = end < 0 ? "" : rest[end..];
        return true;
    }

    /// <summary>JSON objects, or calls as in Python, at the beginning of an answer or after the tag of code.</summary>
    private bool TakeUnannounced(ref string rest)
    {
        var before = _calls.Count;
        var isCode = Skip(ref rest, CodeTag);
        var all = rest;
        while (rest.AsSpan().TrimStart(" \n\r\t;,") is { Length: > 0 } left)
        {
            var after = left.ToString();
            if (!TakeJson(ref after, out var json) || !Add(json, isAnnounced: isCode)) break;
            rest = after;
            Skip(ref rest, CodeTag);
        }
        foreach (var mark in MessageEnds) Skip(ref rest, mark);
        if (_calls.Count > before) return true;
        var code = WithoutEnds(all);
        if (PythonCalls.Read(code) is { Count: > 0 } calls && (isCode || calls.All(call => IsKnown(call.Name))))
        {
            foreach (var (name, arguments) in calls) _calls.Add(new ToolCall(NewId(), name, arguments));
            rest = "";
            return true;
        }
        if (!isCode || code.Trim().Length == 0) return false;
        _calls.Add(new ToolCall(NewId(), CodeTool, JsonText.Object("code", code.Trim())));
        rest = "";
        return true;
    }

    private List<ToolCall> ParseChannels(string answer, out string text)
    {
        var kept = new StringBuilder();
        foreach (var message in ChannelMessage.Read(answer))
        {
            if (message.Function is { } name) _calls.Add(new ToolCall(NewId(), name, Compact(message.Content)));
            else if (!message.IsReasoning) kept.Append(message.Content);
        }
        text = kept.ToString();
        return _calls;
    }

    private static string Compact(string json)
    {
        var rest = json;
        return TakeJson(ref rest, out var value) && rest.Trim().Length == 0 ? ArgumentsOf(value) : json.Trim();
    }

    private bool Add(JsonElement json, bool isAnnounced)
    {
        if (json.ValueKind == JsonValueKind.Array && json.GetArrayLength() > 0)
        {
            var any = false;
            foreach (var item in json.EnumerateArray()) any |= Add(item, isAnnounced);
            return any;
        }
        if (json.ValueKind != JsonValueKind.Object || Member(json, "name") is not { } member || JsonInput.Text(member) is not { } name)
            return false;
        if (!isAnnounced && !IsKnown(name)) return false;
        var arguments = Member(json, syntax.ArgumentsKey) ?? Member(json, "arguments") ?? Member(json, "parameters");
        if (arguments is null && !isAnnounced) return false;
        var id = Member(json, "id") is { } given && JsonInput.Text(given) is { } text ? text : NewId();
        _calls.Add(new ToolCall(id, name, arguments is { } value ? ArgumentsOf(value) : "{}"));
        return true;
    }

    private bool AddKeyed(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object) return false;
        var any = false;
        foreach (var call in json.EnumerateObject())
        {
            if (NameOf(call) is not { } name) continue;
            _calls.Add(new ToolCall(NewId(), name, ArgumentsOf(call.Value)));
            any = true;
        }
        return any;
    }

    /// <summary>The last member of this name, as in Python; null where there is none.</summary>
    private static JsonElement? Member(JsonElement json, string name)
    {
        JsonElement? found = null;
        foreach (var member in json.EnumerateObject())
            if (NameOf(member) == name) found = member.Value;
        return found;
    }

    /// <summary>A member's name; null where an unpaired surrogate stands in it, which no function and no key has.</summary>
    private static string? NameOf(JsonProperty member)
    {
        try
        {
            return member.Name;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    private bool IsKnown(string name) => names is null || names.Contains(name);

    private static bool IsName(string name) => name.Length > 0
        && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.' or ':');

    /// <summary>Arguments that are themselves JSON in a text are taken out of it.</summary>
    private static string ArgumentsOf(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.String => JsonInput.Text(json)!,
        JsonValueKind.Null => "{}",
        _ => json.GetRawText(),
    };

    /// <summary>Takes a text off the beginning, whatever white space is around it.</summary>
    private static bool Skip(ref string rest, string text)
    {
        var after = rest.AsSpan().TrimStart();
        if (!after.StartsWith(text.AsSpan().Trim(), StringComparison.Ordinal)) return false;
        rest = after[text.AsSpan().Trim().Length..].TrimStart().ToString();
        return true;
    }

    /// <summary>Takes one JSON value off the beginning.</summary>
    private static bool TakeJson(ref string rest, out JsonElement json)
    {
        var bytes = Encoding.UTF8.GetBytes(rest);
        var reader = new Utf8JsonReader(bytes, isFinalBlock: true, default);
        json = default;
        try
        {
            if (!JsonDocument.TryParseValue(ref reader, out var document)) return false;
            using (document) json = document.RootElement.Clone();
            rest = Encoding.UTF8.GetString(bytes.AsSpan((int)reader.BytesConsumed));
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
