using Coppice.Drafting;
using Coppice.Execution;
using CsCheck;
using Xunit;

namespace Coppice.Tests.Drafting;

/// <summary>What drafters are made of.</summary>
public sealed class PartsTests
{
    [Fact]
    public void Matches_within_a_text_are_those_of_a_search_from_its_start()
    {
        var index = new SequenceIndex(10_000);
        Gen.Select(Gen.Int[0, 3].Array[1, 60], Gen.Int[0, 60]).Sample((tokens, first) =>
        {
            index.Begin(tokens.AsSpan(0, Math.Min(first, tokens.Length)));
            index.Extend(tokens);
            var matches = new NgramMatch[200];
            var found = matches[..index.Find(5, matches)];
            var expected = new List<NgramMatch>();
            for (var next = tokens.Length - 1; next > 0; next--)
            {
                var length = 0;
                while (length < 5 && next - 1 - length >= 0 && tokens[next - 1 - length] == tokens[^(length + 1)]) length++;
                if (length > 0) expected.Add(new NgramMatch(next, length));
            }
            Assert.Equal(expected.OrderByDescending(match => match.Length).ThenByDescending(match => match.Next), found);
        }, iter: 300, threads: 1);
    }

    [Fact]
    public void A_text_that_goes_on_is_kept_and_one_that_outgrows_its_room_too()
    {
        var index = new SequenceIndex(50_000);
        int[] tokens = [.. Enumerable.Range(0, 20_000).Select(i => i % 9_973)];
        Assert.False(index.Begin(tokens.AsSpan(0, 10)));
        for (var count = 10; count <= tokens.Length; count += 10) index.Extend(tokens.AsSpan(0, count));
        Assert.Equal(tokens, index.Tokens.ToArray());
        Assert.True(index.Begin([.. tokens, 1, 2]));
        Assert.Equal(tokens.Length, index.Tokens.Length);
        var matches = new NgramMatch[4];
        Assert.Equal(2, index.Find(64, matches));       // the place one period before, and the one two periods before
        Assert.Equal(new NgramMatch(tokens.Length - 9_973, 64), matches[0]);
        Assert.False(index.Begin([5]));
        Assert.Equal(0, index.Tokens.Length);
    }

    [Fact]
    public void Candidates_come_by_falling_score_and_of_equal_ones_the_older_first()
    {
        Gen.Int[0, 5].Array[0, 50].Sample(scores =>
        {
            var queue = new CandidateQueue<int>(50);
            for (var i = 0; i < scores.Length; i++) queue.Add(scores[i], i);
            var taken = new List<int>();
            while (queue.TryTake(out var item, out var score))
            {
                Assert.Equal(scores[item], score);
                taken.Add(item);
            }
            Assert.Equal(Enumerable.Range(0, scores.Length).OrderByDescending(i => scores[i]), taken);
        });
    }

    [Fact]
    public void Acceptance_follows_what_was_verified_and_stays_a_probability()
    {
        var model = new AcceptanceModel();
        var evidence = new Evidence(3, Past: false, First: true, Order: 2, Probability: 200);
        var prior = model.Probability(evidence);
        for (var i = 0; i < 2000; i++) model.Learn(evidence, accepted: i % 4 == 0);
        Assert.Equal(0.25, model.Probability(evidence), 0.03);
        model.Clear();
        Assert.Equal(prior, model.Probability(evidence));
        for (var match = 0; match < 20; match++)
        {
            for (var p = 0; p < 256; p++)
            {
                foreach (var order in (int[])[0, 1, 2])
                    foreach (var flag in (bool[])[true, false])
                        Assert.InRange(model.Probability(new Evidence(match, flag, !flag, order, (byte)p)), 0.001f, 1);
            }
        }
    }

    [Fact]
    public void Pass_times_lie_on_lines_between_points_and_follow_what_passes_take()
    {
        var costs = PassCosts.Of((1, 10), (8, 17), (16, 41));
        Assert.Equal([10, 12, 17, 29, 41, 57.533333333], ((int[])[1, 3, 8, 12, 16, 24]).Select(rows => Math.Round(costs.Seconds(rows), 9)));
        for (var i = 0; i < 200; i++) costs.Observe(8, 34);
        Assert.Equal(34, costs.Seconds(8), 0.1);
        Assert.InRange(costs.Seconds(1), 10, 20);
    }

    [Fact]
    public void Pass_times_are_learned_from_passes_of_which_the_first_of_a_size_does_not_count()
    {
        var costs = new PassCosts();
        costs.Observe(1, 500);
        costs.Observe(1, 12);
        Assert.False(costs.IsMeasured);
        Assert.Equal(8, costs.Seconds(8));      // so that no draft seems to pay
        costs.Observe(1, 10);
        Assert.True(costs.IsMeasured);
        Assert.Equal(10, costs.Seconds(1));
        Assert.InRange(costs.Seconds(3), 11, 13);
        Assert.InRange(costs.Seconds(5), costs.Seconds(3), 15);
        foreach (var seconds in (double[])[900, 31, 30, 33]) costs.Observe(5, seconds);
        Assert.Equal([10, 20, 30, 40], ((int[])[1, 3, 5, 7]).Select(rows => Math.Round(costs.Seconds(rows), 9)));
        foreach (var seconds in (double[])[9, 9, 9]) costs.Observe(6, seconds);
        Assert.Equal(10, costs.Seconds(6));     // no less than one row
    }

    /// <summary>
    /// Small pieces of a prompt are rows too: after one slow pass they grow again, and do not stay small for the rest of the prompt.
    /// </summary>
    [Fact]
    public void Pieces_of_a_prompt_that_a_slow_pass_made_small_grow_again()
    {
        var costs = PassCosts.Of((1, 4), (4, 5));
        costs.ObservePrompt(50, 4, 40);
        costs.ObservePrompt(50, 4, 500);        // disturbed: it counts double at most
        var small = costs.PromptRows(35);
        Assert.InRange(small, 20, 30);
        for (var pass = 0; pass < 40; pass++) costs.ObservePrompt(Math.Min(small, 24), 4, 12);
        Assert.InRange(costs.PromptRows(35), 90, 130);
        costs.ObservePrompt(4, 4, 1000);        // too few rows to say anything of a row
        Assert.InRange(costs.PromptRows(35), 90, 130);
    }

    [Fact]
    public void A_size_that_seems_slower_than_a_larger_one_was_disturbed()
    {
        var costs = PassCosts.Of((1, 10), (3, 25), (4, 14));
        Assert.Equal([10, 12, 14, 14], ((int[])[1, 2, 3, 4]).Select(rows => Math.Round(costs.Seconds(rows), 9)));
    }

    [Fact]
    public void Drafts_that_take_longer_than_was_thought_do_not_make_plain_passes_seem_slow()
    {
        var costs = PassCosts.Of((1, 10), (4, 14), (16, 20));
        for (var i = 0; i < 40; i++) costs.Observe(16, 30, drafts: true);
        Assert.InRange(costs.Seconds(16), 28, 31);
        Assert.InRange(costs.Seconds(4), 14, 15.5);
        for (var i = 0; i < 40; i++) costs.Observe(4, 28);      // a longer context: all passes
        Assert.InRange(costs.Seconds(16), 45, 65);
    }

    [Fact]
    public void A_guard_of_many_sequences_forgets_its_rests_when_drafts_gain()
    {
        var guard = new SpeculationGuard(8);
        var pass = 0;
        for (var loss = 0; loss < 12; loss++)
        {
            while (!guard.Allows(pass)) pass++;
            while (guard.Allows(pass)) guard.Observe(++pass, tokens: 8, seconds: 16, plain: 1);
        }
        var before = pass;
        while (!guard.Allows(pass)) pass++;
        Assert.InRange(pass - before, 512, 1024);
        for (var gain = 0; gain < 60; gain++) guard.Observe(++pass, tokens: 16, seconds: 8, plain: 1);
        while (guard.Allows(pass)) guard.Observe(++pass, tokens: 8, seconds: 16, plain: 1);
        before = pass;
        while (!guard.Allows(pass)) pass++;
        Assert.InRange(pass - before, 32, 64);
    }

    [Fact]
    public void A_size_whose_passes_were_few_or_disturbed_is_tried_again()
    {
        var costs = PassCosts.Of((1, 10));
        var hoped = costs.Seconds(8);
        Assert.InRange(hoped, 10, 17);
        costs.Observe(8, 900);
        Assert.Equal(hoped, costs.Seconds(8));
        costs.Observe(8, 40);
        Assert.Equal(hoped, costs.Seconds(8));
        costs.Observe(8, 12);
        Assert.Equal(12, costs.Seconds(8));
        costs.Observe(4, 900);
        costs.Observe(4, 10.5);
        Assert.Equal(10.5, costs.Seconds(4));   // better than hoped is believed at once
    }

    [Fact]
    public void Drafts_that_lose_rest_and_are_tried_again_and_drafts_that_gain_go_on()
    {
        var guard = new SpeculationGuard();
        var (plain, drafted, seconds) = (0, 0, 0.0);
        for (var generated = 0; generated < 1000;)
        {
            if (guard.Allows(generated)) (drafted, seconds) = (drafted + 1, seconds + 9);
            else (plain, seconds) = (plain + 1, seconds + 1);
            if (guard.Allows(generated)) guard.Observe(generated + 1, tokens: 1, seconds: 9, plain: 1);
            generated++;
        }
        Assert.InRange(drafted, 2, 8);      // it is tried again
        Assert.InRange(seconds, 1000, 1070);
        var gaining = new SpeculationGuard();
        for (var generated = 0; generated < 1000; generated += 2)
        {
            Assert.True(gaining.Allows(generated));
            gaining.Observe(generated, tokens: 2, seconds: 1.5, plain: 1);
        }
    }

    [Theory]
    [InlineData("psychic", "must be one of auto, none, prompt-lookup, suffix, token-recycling, aded")]
    [InlineData("auto:nodes=0", "nodes must be from 1 to 96, got 0")]
    [InlineData("auto:speed=1", "settings are nodes, history, hot")]
    [InlineData("auto:nodes", "settings must be key=value,key=value, got \"nodes\"")]
    [InlineData("auto:nodes=4,nodes=5", "nodes must be given once")]
    [InlineData("auto:nodes=four", "nodes must be a whole number, got \"four\"")]
    [InlineData("token-recycling:tree=oak", "tree must be one of best-first, template, got \"oak\"")]
    [InlineData("suffix:hot=maybe", "hot must be true or false, got \"maybe\"")]
    public void A_wrong_name_or_setting_is_one_clear_error(string text, string expected) =>
        Assert.Contains(expected, Assert.ThrowsAny<ArgumentException>(() => DrafterOptions.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void Settings_are_read_and_equal_options_are_equal()
    {
        Assert.Equal(new AutoDrafterOptions { MaxNodes = 12, Hot = false }, DrafterOptions.Parse("auto: nodes = 12, hot=false"));
        Assert.Equal(new AdedOptions { Reward = AdedReward.AsReleased, Iterations = 50 },
            DrafterOptions.Parse("aded:reward=as-released,iterations=50"));
        Assert.Equal("suffix", DrafterOptions.Parse("suffix").Name);
        Assert.Equal(DrafterOptions.None, DrafterOptions.Parse("none"));
    }
}
