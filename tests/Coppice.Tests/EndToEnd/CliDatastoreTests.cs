using Xunit;

namespace Coppice.Tests.EndToEnd;

/// <summary>`coppice datastore build`, and generating with what it made.</summary>
public sealed class CliDatastoreTests(CliModelFolder files) : IClassFixture<CliModelFolder>
{
    [Theory]
    [InlineData("suffix", "suffix:hot=false")]
    [InlineData("rasd", "rasd:model=MODEL,nodes=1,adaptive=false")]
    [InlineData("aded", "aded:hot=false,prompt=false")]
    public void A_drafter_over_a_datastore_of_the_text_accepts_it(string kind, string drafter)
    {
        string[] generate = ["generate", "--model", files.Model, "--device", "cpu", "--prompt", "Many shoots", "--max-tokens", "40", "--ignore-eos", "--json"];
        var plain = CliProcess.Run([.. generate, "--drafter", "none"]).Json;
        var text = files.Write($"{kind}.txt", "Many shoots" + plain.GetProperty("text").GetString());
        var store = Path.Combine(files.Folder, $"{kind}.store");
        var built = CliProcess.Run("datastore", "build", "--model", files.Model, "--kind", kind, "--text", text, "--out", store, "--json").Json;
        Assert.Equal(new FileInfo(store).Length, built.GetProperty("bytes").GetInt64());
        Assert.Equal(1, built.GetProperty("documents").GetInt32());
        var drafted = CliProcess.Run([.. generate, "--drafter", $"{drafter.Replace("MODEL", files.Model, StringComparison.Ordinal)},guard=false,file={store}"]).Json;
        Assert.Equal(plain.GetProperty("ids").ToString(), drafted.GetProperty("ids").ToString());
        Assert.True(drafted.GetProperty("speculation").GetProperty("accepted").GetInt32() > 0);
    }
}
