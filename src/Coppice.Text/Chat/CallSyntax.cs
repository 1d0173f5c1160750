namespace Coppice.Text;

/// <summary>How the calls of one answer stand in its text.</summary>
internal enum CallBody
{
    /// <summary>JSON objects with a name and arguments, one a call.</summary>
    Object,

    /// <summary>One JSON array of such objects.</summary>
    List,

    /// <summary>One JSON array of objects whose only key is the name and whose value is the arguments.</summary>
    KeyedList,

    /// <summary>The name as text, then the arguments as a JSON object.</summary>
    Named,

    /// <summary>The name as text, then the arguments in braces with bare keys and marked texts.</summary>
    Braced,

    /// <summary>Calls as in Python.</summary>
    Python,

    /// <summary>Messages with a header that says to whom each goes.</summary>
    Channels,
}

/// <summary>The texts around names and arguments; empty where there are none.</summary>
/// <param name="Body">How the calls are written.</param>
/// <param name="SectionOpen">Before the first call.</param>
/// <param name="CallOpen">Before each call.</param>
/// <param name="NameEnd">Between a name and its arguments, where the name is text.</param>
/// <param name="CallClose">After each call.</param>
/// <param name="SectionClose">After the last call.</param>
/// <param name="ArgumentsKey">What the arguments are called in objects.</param>
internal sealed record CallSyntax(
    CallBody Body, string SectionOpen = "", string CallOpen = "", string NameEnd = "", string CallClose = "", string SectionClose = "",
    string ArgumentsKey = "arguments")
{
    /// <summary>Stands before code that the model writes to be run.</summary>
    public const string CodeTag = "<|python_tag|>";

    /// <summary>Between two calls.</summary>
    public string Separator { get; init; } = "";

    /// <summary>Whether an answer that begins as a call does is one, although nothing announces it.</summary>
    public bool OpensAtStart { get; init; }

    /// <summary>Whether code may stand in place of a call, after a tag of its own.</summary>
    public bool WritesCode { get; init; }

    /// <summary>Whether an id stands in each object.</summary>
    public bool WritesIds { get; init; }

    /// <summary>A text of the template that tells that calls are written so.</summary>
    public required string Sign { get; init; }

    /// <summary>Objects in tags: also how tools are declared to a model whose template knows of none.</summary>
    public static CallSyntax Tagged { get; } =
        new(CallBody.Object, CallOpen: "<tool_call>\n", CallClose: "\n</tool_call>") { Sign = "<tool_call>", Separator = "\n" };

    /// <summary>In the order in which templates are searched: some hold the signs of several.</summary>
    public static IReadOnlyList<CallSyntax> Known { get; } =
    [
        new(CallBody.Named, "<|tool_calls_section_begin|>", "<|tool_call_begin|>functions.", ":0<|tool_call_argument_begin|>",
            "<|tool_call_end|>",
            "<|tool_calls_section_end|>") { Sign = "<|tool_calls_section_begin|>" },
        new(CallBody.Named, "<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>function<｜tool▁sep｜>", "\n```json\n", "\n```<｜tool▁call▁end｜>",
            "<｜tool▁calls▁end｜>") { Sign = "<｜tool▁calls▁begin｜>", Separator = "\n" },
        new(CallBody.KeyedList, "<|tools_prefix|>", SectionClose: "<|tools_suffix|>") { Sign = "<|tools_prefix|>" },
        new(CallBody.List, "[TOOL_CALLS]") { Sign = "[TOOL_CALLS]", WritesIds = true },
        new(CallBody.Channels, CallOpen: "<|channel|>commentary to=functions.", NameEnd: " <|constrain|>json<|message|>",
            CallClose: "<|call|>")
            { Sign = "<|channel|>" },
        new(CallBody.Braced, CallOpen: "<start_function_call>call:", CallClose: "<end_function_call>") { Sign = "<start_function_call>" },
        Tagged,
        new(CallBody.Named, CallOpen: "<function=", NameEnd: ">", CallClose: "</function>") { Sign = "<function=", WritesCode = true },
        new(CallBody.List, "<|tool_call|>") { Sign = "<|tool_call|>" },
        new(CallBody.Object, ArgumentsKey: "parameters") { Sign = "\"parameters\": ", OpensAtStart = true },
        new(CallBody.Python, "```tool_code\n", SectionClose: "\n```") { Sign = "tool_code" },
    ];

    /// <summary>The texts that begin calls wherever they stand in an answer.</summary>
    public IReadOnlyList<string> Openers => Body switch
    {
        CallBody.Object when OpensAtStart => [CodeTag],
        _ when SectionOpen.Length > 0 => [SectionOpen.Trim()],
        _ when WritesCode => [CallOpen.Trim(), CodeTag],
        _ => [CallOpen.Trim()],
    };

    /// <summary>Texts that only the model writes.</summary>
    public IEnumerable<string> Marks => Body == CallBody.Channels
        ? ["<|start|>", "<|channel|>", "<|message|>", "<|constrain|>", "<|call|>", "<|end|>", "<|return|>"]
        : MarksIn([SectionOpen, CallOpen, NameEnd, CallClose, SectionClose])
            .Concat(OpensAtStart || WritesCode ? [CodeTag, "<|eom_id|>"] : []);

    /// <summary>What stands in angle or square brackets.</summary>
    private static IEnumerable<string> MarksIn(string[] texts)
    {
        foreach (var text in texts)
        {
            for (var start = 0; (start = text.AsSpan(start).IndexOfAny('<', '[') is var at and >= 0 ? start + at : -1) >= 0;)
            {
                var end = text.IndexOf(text[start] == '<' ? '>' : ']', start);
                if (end < 0) break;
                yield return text[start..(end + 1)];
                start = end + 1;
            }
        }
    }
}
