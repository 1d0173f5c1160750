using Coppice;

// A box that offers three ways to go on, anew at each key: 1, 2 and 3 take one, Enter ends. Where stdin is no terminal, each of its lines
// is completed.
using var model = LanguageModel.Load(args is [var folder] ? folder : Path.Combine("weights", "tiny"));
using var session = model.NewSession();
var options =
    new DraftsOptions { Count = 3, MaxTokens = 6, Method = DraftsMethod.Superposed, Diversity = true, StopSequences = [".", "\n"] };
if (Console.IsInputRedirected)
{
    while (Console.ReadLine() is { Length: > 0 } line)
    {
        Console.WriteLine(line);
        foreach (var draft in await Complete(line, CancellationToken.None)) Console.WriteLine($"  {draft.Text}");
    }
    return;
}
var (typed, choices) = ("", (IReadOnlyList<Draft>)[]);
CancellationTokenSource? last = null;
var completing = Task.CompletedTask;
Show();
for (var key = Console.ReadKey(intercept: true); key.Key != ConsoleKey.Enter; key = Console.ReadKey(intercept: true))
{
    // What was begun for the text before is of no use any more; the session keeps what it has computed of it.
    if (last is not null) await last.CancelAsync();
    await completing;
    if (key.Key == ConsoleKey.Backspace) typed = typed.Length > 0 ? typed[..^1] : typed;
    else if (key.KeyChar is >= '1' and <= '3' && key.KeyChar - '1' < choices.Count) typed += choices[key.KeyChar - '1'].Text;
    else if (!char.IsControl(key.KeyChar)) typed += key.KeyChar;
    choices = [];
    Show();
    last = new CancellationTokenSource();
    completing = typed.Length > 0 ? Offer(typed, last.Token) : Task.CompletedTask;
}
if (last is not null) await last.CancelAsync();
await completing;
Console.Write("\e[J\n");

async Task Offer(string text, CancellationToken cancellation)
{
    try
    {
        choices = await Complete(text, cancellation);
        Show();
    }
    catch (OperationCanceledException)
    {
        // A key came first.
    }
}

async Task<IReadOnlyList<Draft>> Complete(string text, CancellationToken cancellation)
{
    IReadOnlyList<Draft> drafts = [];
    await foreach (var update in session.GenerateDraftsAsync(text, options, cancellation)) drafts = update.Drafts;
    return drafts;
}

// The typed text with the choices below it, and the cursor back at its end.
void Show()
{
    Console.Write($"\r\e[J> {typed}");
    for (var i = 0; i < choices.Count; i++) Console.Write($"\n  {i + 1}{choices[i].Text}");
    if (choices.Count > 0) Console.Write($"\e[{choices.Count}A");
    Console.Write($"\r\e[{typed.Length + 2}C");
}
