using System.Text.Json;
using Coppice.Tests.Support;
using Coppice.Text;
using Xunit;

namespace Coppice.Text.Tests.Templates;

/// <summary>The recorded renderings of real templates and of small ones for each feature.</summary>
public sealed class GoldenTests
{
    public static TheoryData<string> Templates =>
    [
        "apertus", "deepseek-r1-distill", "functionary-v3.1", "gemma-2", "gemma-3", "granite-3.3", "hermes-3-tool-use", "kimi-k2",
        "llama-3", "llama-3.1", "llama-3.2", "mistral-nemo", "phi-3.5", "qwen2.5", "qwen3", "smollm2", "smollm3", "synthetic",
    ];

    [Theory, MemberData(nameof(Templates))]
    public void Renders_what_transformers_renders(string name)
    {
        var folder = SharedData.Require($"golden/templates/{name}");
        var file = Path.Combine(folder, "template.jinja");
        var template = File.Exists(file) ? new ChatTemplate(File.ReadAllText(file)) : null;
        var wrong = new List<string>();
        var count = 0;
        foreach (var line in File.ReadLines(Path.Combine(folder, "cases.jsonl")))
        {
            using var recorded = JsonDocument.Parse(line);
            count++;
            wrong.AddRange(Differences(recorded.RootElement, "", () => ChatTemplate.RenderCase(recorded.RootElement, template)));
            if (recorded.RootElement.EnumerateObject().Any(property => property.Name.StartsWith("raw_", StringComparison.Ordinal)))
                wrong.AddRange(Differences(recorded.RootElement, "raw_",
                    () => template!.Render(ChatTemplateInput.FromJson(recorded.RootElement) with { LeaveMessages = true })));
        }
        Assert.True(count >= 50, $"only {count} cases in {folder}");
        Assert.True(wrong.Count == 0, string.Join("\n", wrong));
    }

    private static IEnumerable<string> Differences(JsonElement recorded, string prefix, Func<string> render)
    {
        var id = prefix + recorded.GetProperty("id").GetString();
        string? text = null;
        TemplateException? error = null;
        try
        {
            text = render();
        }
        catch (TemplateException caught)
        {
            error = caught;
        }
        if (recorded.TryGetProperty(prefix + "expected", out var expected))
        {
            if (text != expected.GetString()) yield return $"{id}: expected {expected}\nfound {text ?? error!.Message}";
            yield break;
        }
        var message = recorded.GetProperty(prefix + "error").GetString()!;
        var kind = recorded.GetProperty(prefix + "error_kind").GetString() switch
        {
            "raise" => TemplateErrorKind.Raised,
            "undefined" => TemplateErrorKind.Undefined,
            "security" => TemplateErrorKind.Security,
            "syntax" => TemplateErrorKind.Syntax,
            _ => TemplateErrorKind.Other,
        };
        if (error is null) yield return $"{id}: expected the error '{message}', found {text}";
        else if (error.Kind != kind) yield return $"{id}: expected an error of kind {kind}, found {error.Kind}: {error.Message}";
        else if (kind == TemplateErrorKind.Raised && error.Reason != message)
            yield return $"{id}: expected '{message}', found '{error.Reason}'";
    }
}
