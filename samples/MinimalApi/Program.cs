using Coppice.Extensions.AI;
using Microsoft.Extensions.AI;

// dotnet run -c Release --project samples/MinimalApi -- --model path/to/SmolLM2-135M-Instruct
// curl -N "http://localhost:5000/ask?question=Why%20is%20the%20sky%20blue%3F"
var builder = WebApplication.CreateSlimBuilder(args);
builder.Services.AddCoppice(options =>
{
    options.ModelFolder = builder.Configuration["model"]
        ?? throw new InvalidOperationException("--model must name the folder of a model with a chat template.");
    options.StopTimeout = TimeSpan.FromSeconds(3);
});
var app = builder.Build();

// The requests of all callers share passes, and what their prompts have in common is computed once.
app.MapGet("/ask", (string question, IChatClient client, CancellationToken gone) => Results.Stream(
    async body =>
    {
        await using var writer = new StreamWriter(body);
        await foreach (var update in client.GetStreamingResponseAsync(question, new() { MaxOutputTokens = 512 }, gone))
        {
            await writer.WriteAsync(update.Text);
            await writer.FlushAsync(gone);
        }
    },
    "text/plain; charset=utf-8"));

app.MapHealthChecks("/health");
app.Run();
