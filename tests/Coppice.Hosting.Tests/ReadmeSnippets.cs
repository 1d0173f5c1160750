using Coppice.Extensions.AI;
using Coppice.Tests.Support;
using Microsoft.Extensions.AI;
using Xunit;

namespace Coppice.Hosting.Tests;

/// <summary>
/// The samples of README.md that need a model that chats, as code that is compiled and run. Each stands between the lines "// sample" and
/// "// end"; that README.md has them word for word is tested in Coppice.Tests.
/// </summary>
public sealed class ReadmeSnippets
{
    [Fact]
    public async Task The_conversation_is_answered() => Assert.NotEqual("", (await Written(WithAConversation)).Trim());

    [Fact]
    public async Task The_chat_client_answers() => Assert.NotEqual("", (await Written(WithAChatClient)).Trim());

    private static async Task WithAConversation()
    {
        // sample
        using var model = LanguageModel.Load("path/to/SmolLM2-135M-Instruct");
        using var conversation = model.Chat.NewConversation("You are brief.");
        await foreach (var piece in conversation.SendAsync("Why is the sky blue?"))
            Console.Write(piece.Text);
        // end
    }

    private static async Task WithAChatClient()
    {
        // sample
        using var model = LanguageModel.Load("path/to/SmolLM2-135M-Instruct");
        using IChatClient client = model.AsIChatClient(new() { MaxOutputTokens = 64 });
        Console.WriteLine(await client.GetResponseAsync("Why is the sky blue?"));
        // end
    }

    /// <summary>What a sample writes, run where its path leads to a model.</summary>
    private static async Task<string> Written(Func<Task> sample)
    {
        var model = SharedData.Require(Path.Combine("models", "smollm2-135m-instruct"));
        var (folder, console) = (Directory.GetCurrentDirectory(), Console.Out);
        var place = Directory.CreateTempSubdirectory("coppice-readme-").FullName;
        using var written = new StringWriter();
        try
        {
            Directory.CreateDirectory(Path.Combine(place, "path", "to"));
            try { Directory.CreateSymbolicLink(Path.Combine(place, "path", "to", "SmolLM2-135M-Instruct"), model); }
            catch (IOException) when (OperatingSystem.IsWindows()) { Assert.Skip("this account may not make links"); }
            Directory.SetCurrentDirectory(place);
            Console.SetOut(written);
            await sample();
        }
        finally
        {
            Console.SetOut(console);
            Directory.SetCurrentDirectory(folder);
            Directory.Delete(place, recursive: true);
        }
        return written.ToString();
    }
}
