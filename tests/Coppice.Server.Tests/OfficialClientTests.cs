using System.ClientModel;
using System.Diagnostics;
using System.Text.Json;
using Coppice.Tests.Support;
using Microsoft.Extensions.AI;
using OpenAI;
using Xunit;

namespace Coppice.Server.Tests;

/// <summary>Clients of the OpenAI API as their makers publish them.</summary>
public sealed class OfficialClientTests
{
    [Fact]
    public async Task The_client_for_dotnet_lists_models_and_gets_vectors()
    {
        await using var server = await RunningServer.StartAsync(new ServerOptions { ApiKeys = ["secret"] });
        var client = Client(server, "secret");
        Assert.Equal(["tiny"], (await client.GetOpenAIModelClient().GetModelsAsync()).Value.Select(model => model.Id));
        Assert.Equal("tiny", (await client.GetOpenAIModelClient().GetModelAsync("tiny")).Value.Id);
        using var alone = new EmbeddingModel(server.Model);
        var vector = (await client.GetEmbeddingClient("tiny").GenerateEmbeddingAsync("Closes the file")).Value;
        Assert.Equal(alone.Embed("Closes the file").Vector.ToArray(), vector.ToFloats().ToArray());
        using var generator = client.GetEmbeddingClient("tiny").AsIEmbeddingGenerator();
        var vectors = await generator.GenerateAsync(["Closes the file", "Opens the file"]);
        Assert.Equal(alone.Embed("Opens the file").Vector.ToArray(), vectors[1].Vector.ToArray());
        var refused = await Assert.ThrowsAsync<ClientResultException>(() =>
            Client(server, "other").GetOpenAIModelClient().GetModelsAsync());
        Assert.Equal(401, refused.Status);
    }

    [Fact]
    public async Task The_client_for_node_completes_streams_and_sees_errors()
    {
        var scripts = Path.Combine(SharedData.Repository, "tests", "browser");
        Assert.SkipUnless(Directory.Exists(Path.Combine(scripts, "node_modules", "openai")), "needs openai: npm ci in tests/browser");
        await using var server = await RunningServer.StartAsync();
        var start =
            new ProcessStartInfo("node",
            [Path.Combine(scripts, "client.mjs"), new Uri(server.Server.Address, "/v1").ToString()])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true
            };
        using var node = Process.Start(start)!;
        var (output, error) = (node.StandardOutput.ReadToEndAsync(), node.StandardError.ReadToEndAsync());
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        await node.WaitForExitAsync(limit.Token);
        Assert.True(node.ExitCode == 0, await output + await error);
        var json = JsonDocument.Parse(await output).RootElement;
        var (text, _) = await server.AloneAsync("Gets or sets the", new() { MaxTokens = 20 });
        Assert.Equal(text, json.GetProperty("whole").GetString());
        Assert.Equal(text, json.GetProperty("streamed").GetString());
        Assert.Equal((400, "temperature"), (json.GetProperty("status").GetInt32(), json.GetProperty("param").GetString()));
        using var alone = new EmbeddingModel(server.Model);
        Assert.Equal(alone.Embed("Closes the file").Vector.ToArray(),
            json.GetProperty("vector").EnumerateArray().Select(value => value.GetSingle()));
    }

    private static OpenAIClient Client(RunningServer server, string key) =>
        new(new ApiKeyCredential(key), new OpenAIClientOptions { Endpoint = new Uri(server.Server.Address, "/v1") });
}
