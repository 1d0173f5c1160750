using Coppice.Tests.EndToEnd;
using Coppice.Tests.Support;
using Coppice.Text;
using Xunit;

namespace Coppice.Tests.Drafts;

/// <summary>Texts of drafts whose tokens are bytes: nothing is shown before its character is whole.</summary>
public sealed class DraftsTextTests(CliModelFolder files) : IClassFixture<CliModelFolder>
{
    [Theory, InlineData(DraftsMethod.Superposed), InlineData(DraftsMethod.Batched), InlineData(DraftsMethod.Beam)]
    public async Task Texts_are_those_of_their_tokens(DraftsMethod method)
    {
        using var model = LanguageModel.Load(files.Model, new ModelOptions { Device = "cpu" });
        var halves = 0;
        for (var seed = 0ul; seed < 6; seed++)
        {
            using var session = model.NewSession();
            var options = new DraftsOptions
            {
                Count = 6,
                MaxTokens = 7,
                Method = method,
                Seed = 100 * seed,
                Temperature = 2,
                TopP = 1,
                SuperposedTemperature = 1,
                IgnoreEos = true,
            };
            var updates = await session.AllDrafts(model.Tokenizer!.Encode("ab" + (char)('c' + seed)), options);
            foreach (var update in updates)
            {
                foreach (var draft in update.Drafts)
                {
                    var whole = Decode(model.Tokenizer, draft);
                    if (update.IsLast) Assert.Equal(whole, draft.Text);
                    else Assert.StartsWith(draft.Text, whole, StringComparison.Ordinal);
                    Assert.DoesNotContain(draft.Text, char.IsSurrogate);
                    if (draft.Text.Length < whole.Length) halves++;
                }
            }
        }
        if (method == DraftsMethod.Batched) Assert.True(halves > 0);
    }

    private static string Decode(Tokenizer tokenizer, Draft draft) => tokenizer.Decode([.. draft.Ids], skipSpecialTokens: true);
}
