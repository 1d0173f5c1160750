using System.Net;
using System.Net.Sockets;
using System.Text;
using Xunit;

namespace Coppice.Server.Tests;

/// <summary>Runs with nothing beside it, because it counts what the whole process allocates.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class RunsAlone
{
    public const string Name = "alone";
}

/// <summary>What a streamed token costs.</summary>
[Collection(RunsAlone.Name)]
public sealed class StreamCostTests(ITestOutputHelper output)
{
    private const int Few = 60, Many = 460, Most = 2048;

    [Fact]
    public async Task A_streamed_token_costs_at_most_2_KB()
    {
        await using var server = await RunningServer.StartAsync();
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, server.Server.Address.Port);
        var stream = socket.GetStream();
        var buffer = new byte[1 << 16];
        foreach (var tokens in (int[])[Many, Few, Many]) await AllocatedAsync(tokens);       // code that is compiled, pools that fill
        var (few, many) = (await AllocatedAsync(Few), await AllocatedAsync(Many));
        var each = (many - few) / (double)(Many - Few);
        output.WriteLine($"{each:f0} bytes a token");
        Assert.InRange(each, 0, Most);

        async Task<long> AllocatedAsync(int tokens)
        {
            var body = $$"""{"prompt": "Gets", "max_tokens": {{tokens}}, "temperature": 0, "ignore_eos": true, "stream": true}""";
            var request = Encoding.ASCII.GetBytes(
                $"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                + $"Content-Length: {body.Length}\r\n\r\n{body}");
            var before = GC.GetTotalAllocatedBytes(precise: true);
            await stream.WriteAsync(request);
            for (var end = 0; ;)
            {
                var count = await stream.ReadAsync(buffer.AsMemory(end));
                Assert.True(count > 0);
                var read = buffer.AsSpan(0, end + count);
                if (read.EndsWith("0\r\n\r\n"u8)) break;         // the last chunk
                end = Math.Min(read.Length, 8);
                read[^end..].CopyTo(buffer);
            }
            return GC.GetTotalAllocatedBytes(precise: true) - before;
        }
    }
}
