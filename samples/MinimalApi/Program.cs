using System.Runtime.CompilerServices;
using Coppice;

// curl -N "http://localhost:5000/complete?prompt=Gets%20or%20sets&tokens=20"
var builder = WebApplication.CreateSlimBuilder(args);
var folder = builder.Configuration["model"] ?? Path.Combine("weights", "tiny");
var app = builder.Build();
using var model = LanguageModel.Load(folder);
foreach (var warning in model.Warnings) app.Logger.LogWarning("{Warning}", warning);

// A session for each request: their rows go through the model in common passes, and what prompts have in common is computed once.
app.MapGet("/complete", (string prompt, int? tokens, CancellationToken gone) => Results.Stream(
    async body =>
    {
        await using var writer = new StreamWriter(body);
        await foreach (var text in Complete(prompt, Math.Clamp(tokens ?? 64, 1, 1024), gone))
        {
            await writer.WriteAsync(text);
            await writer.FlushAsync(gone);
        }
    },
    "text/plain; charset=utf-8"));

app.MapGet("/model", () => new { model.DeviceName, model.ContextLength, model.VocabularySize, model.WeightBytes });
app.Run();

async IAsyncEnumerable<string> Complete(string prompt, int tokens, [EnumeratorCancellation] CancellationToken gone)
{
    using var session = model.NewSession();
    var ids = model.Tokenizer!.Encode(prompt);
    await foreach (var piece in session.GenerateAsync(ids, new() { MaxTokens = tokens }, gone)) yield return piece.Text;
}
