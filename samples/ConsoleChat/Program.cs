using Coppice;
using Coppice.Text;

if (args is not [var folder])
{
    Console.Error.WriteLine("usage: ConsoleChat FOLDER, the folder of a model with a chat template");
    return 2;
}
using var model = LanguageModel.Load(folder);
if (model.Tokenizer?.ChatTemplate is not { } source)
{
    Console.Error.WriteLine($"{folder}: has no chat template");
    return 1;
}
var template = new ChatTemplate(source);
using var session = model.NewSession();
var messages = new List<ChatMessage>();
CancellationTokenSource? answering = null;
Console.CancelKeyPress += (_, pressed) =>
{
    // The first ctrl-C ends the answer, the next one the program.
    if (answering is not { IsCancellationRequested: false } running) return;
    pressed.Cancel = true;
    running.Cancel();
};
while (true)
{
    Console.Write("> ");
    if (Console.ReadLine() is not { Length: > 0 } line) return 0;
    messages.Add(new ChatMessage("user", line));
    var input = new ChatTemplateInput { Messages = messages, AddGenerationPrompt = true };
    foreach (var (role, token) in model.Tokenizer.SpecialTokens.Named) input = input.WithVariable(role, token);
    // The template writes the special tokens itself. Of the conversation so far only what is new is computed.
    var prompt = model.Tokenizer.Encode(template.Render(input), addSpecialTokens: false);
    using var cancel = answering = new CancellationTokenSource();
    try
    {
        await foreach (var piece in session.GenerateAsync(prompt, new() { UseModelDefaults = true, MaxTokens = 512 }, cancel.Token))
            Console.Write(piece.Text);
    }
    catch (OperationCanceledException)
    {
        Console.Write(" (stopped)");
    }
    answering = null;
    messages.Add(new ChatMessage("assistant", session.LastResult!.Text));
    Console.WriteLine();
}
