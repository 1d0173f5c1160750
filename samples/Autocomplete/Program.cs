using Coppice;

// Completes while a user types. Here the user is a text that comes in pieces, faster than a completion takes.
using var model = LanguageModel.Load(args is [var folder] ? folder : Path.Combine("weights", "tiny"));
using var session = model.NewSession();
var typed = "";
CancellationTokenSource? last = null;
var completing = Task.CompletedTask;
foreach (var piece in (string[])["Gets", " or", " sets", " the", " name", " of"])
{
    typed += piece;
    if (last is not null) await last.CancelAsync();
    await completing;
    // Only what is new is computed, once for this and all later completions.
    var prompt = model.Tokenizer!.Encode(typed);
    await session.PrefillAsync(prompt);
    last = new CancellationTokenSource();
    completing = Complete(typed, prompt, last.Token);
    await Task.Delay(TimeSpan.FromMilliseconds(30));
}
await completing;

async Task Complete(string text, int[] prompt, CancellationToken cancellation)
{
    using var fork = session.Fork();
    var completion = "";
    try
    {
        await foreach (var piece in fork.GenerateAsync(prompt, new() { MaxTokens = 12, StopSequences = [".", "\n"] }, cancellation))
            completion += piece.Text;
        Console.WriteLine($"{text}|{completion}");
    }
    catch (OperationCanceledException)
    {
        Console.WriteLine($"{text}|{completion}... (typed on)");
    }
}
