using System.Text.Json;
using System.Text.RegularExpressions;
using Coppice.Tests.Support;
using Coppice.Text;
using CsCheck;
using Xunit;

namespace Coppice.Text.Tests.Templates;

/// <summary>Whatever a template holds, it renders or fails with a <see cref="TemplateException"/> within its limits.</summary>
public sealed partial class FuzzTests
{
    private static readonly string[] Pieces =
    [
        "{%", "%}", "{{", "}}", "{#", "#}", "{%-", "-%}", "{{-", "-}}", "(",
        ")", "[", "]", "{", "}", "'", "\"", "\\", "\n", " ", "|", "~", ".", ",",
        ":", "=", "==", "<", "+", "-", "*", "**", "/", "//", "%", "if", "elif",
        "else", "endif", "for", "in", "endfor", "set", "endset", "macro m(a)",
        "endmacro", "call m(1)", "endcall", "filter upper", "endfilter", "raw",
        "endraw", "block b", "endblock", "with a = 1", "endwith", "generation",
        "endgeneration", "break", "continue", "is", "not", "and", "or", "defined",
        "messages", "tools", "loop", "loop.index", "x", "namespace()",
        "range(9)", "tojson", "length", "join(',')", "map('upper')", "selectattr('role')",
        "sort", "items()", "split('a')", "format(x)", "1", "0", "2.5",
        "none", "true", "'%s'", "'{}'", "[::-1]", "[1:]", "recursive", "raise_exception('r')",
        "strftime_now('%d')", "é", "😀", "\ud83d", "\r\n", "\t",
    ];

    private static readonly TemplateLimits Limits = new() { MaxSteps = 300_000, MaxCharacters = 1 << 20 };

    private static readonly ChatTemplateInput Input = ChatTemplateInput.FromJson(JsonDocument.Parse("""
        {"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"é😀"},
         {"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":{"a":1.0}}}]}],
         "tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"a":{"type":"number"}}}}}],
         "now":"2026-11-23T12:34:56","add_generation_prompt":true,"variables":{"x":[1,"a",null],"bos_token":"<s>"}}
        """).RootElement);

    private static Gen<T> OneOf<T>(T[] choices) => Gen.Int[0, choices.Length - 1].Select(index => choices[index]);

    [GeneratedRegex(@"\{[%{#][-+]?|[-+]?[%}#]\}|\w+|\s+|.", RegexOptions.Singleline)]
    private static partial Regex Tokens();

    [Fact]
    public void Random_pieces_never_do_anything_but_render_or_fail() =>
        OneOf(Pieces).Array[0, 40].Sample(pieces => RendersOrFails(string.Join("", pieces)), iter: 20_000);

    [Fact]
    public void Random_expressions_never_do_anything_but_render_or_fail() =>
        OneOf(Pieces).Array[0, 12].Sample(pieces => RendersOrFails("{{ " + string.Join(" ", pieces) + " }}"), iter: 20_000);

    [Fact]
    public void Mutations_of_real_templates_never_do_anything_but_render_or_fail()
    {
        var templates = Directory.GetFiles(SharedData.Require("golden/templates"), "template.jinja", SearchOption.AllDirectories)
            .Select(File.ReadAllText).Select(text => Tokens().Matches(text).Select(token => token.Value).ToArray()).ToArray();
        Assert.SkipWhen(templates.Length == 0, "needs the published templates of the shared folder");
        var edit = Gen.Select(Gen.Int[0, 3], Gen.Double.Unit, Gen.Int[1, 8], OneOf(Pieces));
        Gen.Select(OneOf(templates), edit.Array[1, 6]).Sample((template, edits) =>
        {
            var tokens = template.ToList();
            foreach (var (kind, place, length, piece) in edits) Edit(tokens, kind, (int)(place * tokens.Count), length, piece);
            RendersOrFails(string.Concat(tokens));
        }, iter: 3_000);
    }

    private static void Edit(List<string> tokens, int kind, int at, int length, string piece)
    {
        length = Math.Min(length, tokens.Count - at);
        switch (kind)
        {
            case 0:
                tokens.RemoveRange(at, length);
                break;
            case 1:
                tokens.Insert(at, piece);
                break;
            case 2:
                tokens.InsertRange(at, tokens.GetRange(at, length));
                break;
            default:
                tokens.Reverse(at, length);
                break;
        }
    }

    private static void RendersOrFails(string template)
    {
        try
        {
            var text = new ChatTemplate(template, Limits).Render(Input);
            Assert.True(text.Length <= Limits.MaxCharacters);
        }
        catch (TemplateException error)
        {
            Assert.True(Enum.IsDefined(error.Kind));
        }
    }
}
